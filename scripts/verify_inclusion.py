"""Verify who held a ticket: `python verify_inclusion.py ROOT [NODE ...] < proof.json`.

proof.json: GET /v1/collections/{address}/tickets/{token_id}/proof. ROOT: the checkpoint's, from GET /v1/checkpoints or,
better, from where you once wrote it down. NODE: JSON-RPC of a node you trust; it is asked what the contract says at the
checkpoint's block. Needs `pip install "eth-hash[pycryptodome]"`. Exit code 0: proven; 1: not; 2: nothing was verified.
"""

import json
import sys
from urllib.request import Request, urlopen

from eth_hash.auto import keccak


def root_of(leaf: tuple[int, ...], siblings: list[str]) -> str:
    """Climb from the leaf, which is hashed twice: what is found and its sibling are sorted, joined and hashed."""
    node = keccak(keccak(b"".join(word.to_bytes(32, "big") for word in leaf)))
    for sibling in siblings:
        node = keccak(b"".join(sorted([node, bytes.fromhex(sibling[2:])])))
    return "0x" + node.hex()


def on_chain(collection: str, token_id: int, block_hash: str, node: str) -> str:
    """Return what the contract said at that block's end; asked about a burned ticket it reverts."""
    data = "0x" + (keccak(b"ticket(uint256)")[:4] + token_id.to_bytes(32, "big")).hex()
    call = {"to": collection, "data": data}, {"blockHash": block_hash, "requireCanonical": True}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": call}).encode()
    said = json.load(urlopen(Request(node, body, {"content-type": "application/json"}), timeout=30))  # noqa: S310
    if "result" in said:
        return f"owner 0x{said['result'][26:66]}, status {said['result'][192:194]}"
    return f"owner 0x{0:040x}, status 03" if "revert" in str(said) else f"{said}"


try:
    proof, (root, *nodes) = json.load(sys.stdin), sys.argv[1:]
    leaf = int(proof["collection"], 16), proof["token_id"], int(proof["owner"], 16), proof["status"]
    verdicts = {"the proof leads from the ticket to its root": root_of(leaf, proof["proof"]) == proof["root"]}
    verdicts["its root is the one you named"] = proof["root"] == root.lower()
    for node in nodes:
        said = on_chain(proof["collection"], proof["token_id"], proof["block_hash"], node)
        verdicts[f"{node} says: {said}"] = said == f"owner 0x{leaf[2]:040x}, status {leaf[3]:02x}"
except Exception as trouble:  # noqa: BLE001 - whatever is wrong with the arguments, the file or a node
    print(f"Nothing was verified: {trouble!r}\n\n{__doc__}", file=sys.stderr)
    sys.exit(2)
print(*(f"{'yes' if holds else 'NO '} {words}" for words, holds in verdicts.items()), sep="\n")
sys.exit(0 if all(verdicts.values()) else 1)
