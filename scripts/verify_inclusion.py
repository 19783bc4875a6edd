"""Verify that a checkpoint holds a ticket: `python scripts/verify_inclusion.py PROOF [--root 0x...] [--rpc URL]`.

PROOF is a file, or the address of GET /v1/collections/{address}/tickets/{token_id}/proof. Needs Python and a keccak256
(`pip install pycryptodome`), nothing of ours. Without --root the proof is only held against the root it names itself;
with --rpc the contract is asked, at the hash of the checkpoint's block, for owner and status. Exit code 1: not proven.
"""

import argparse
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from Crypto.Hash import keccak


def hashed(data: bytes) -> bytes:
    """Return keccak256."""
    return keccak.new(data=data, digest_bits=32 * 8).digest()


def unhex(text: str) -> bytes:
    """Read 0x-prefixed bytes."""
    return bytes.fromhex(text.removeprefix("0x"))


def root_of(proof: dict[str, Any]) -> bytes:
    """Return the root that ticket and siblings lead to: StandardMerkleTree's leaf, pairs sorted and hashed."""
    numbers = [int(proof["collection"], 16), proof["token_id"], int(proof["owner"], 16), proof["status"]]
    node = hashed(hashed(b"".join(number.to_bytes(32, "big") for number in numbers)))
    for sibling in map(unhex, proof["proof"]):
        node = hashed(min(node, sibling) + max(node, sibling))
    return node


def on_chain(proof: dict[str, Any], url: str) -> tuple[int, int]:
    """Return owner and status that the contract gives at the checkpoint's block; (0, 3) for a burned ticket."""
    said = []
    for signature in (b"ownerOf(uint256)", b"ticket(uint256)"):
        data = "0x" + (hashed(signature)[:4] + proof["token_id"].to_bytes(32, "big")).hex()
        params = [{"to": proof["collection"], "data": data}, {"blockHash": proof["block_hash"]}]
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": params}).encode()
        request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - the user's node
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            said.append(json.load(answer))
    if all("revert" in str(one.get("error", "")).lower() for one in said):
        return 0, 3
    owner, ticket = (unhex(one["result"]) for one in said)
    return int.from_bytes(owner[:32], "big"), int.from_bytes(ticket[64:96], "big")


def main() -> int:
    """Verify what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", help="a file, or an address")
    parser.add_argument("--root", help="the root you hold the house to, such as one that you wrote down")
    parser.add_argument("--rpc", metavar="URL", help="a node of the proof's network that you trust")
    asked = parser.parse_args()
    if asked.proof.startswith(("http://", "https://")):
        with urllib.request.urlopen(asked.proof, timeout=30) as answer:  # noqa: S310 - as asked
            proof = json.load(answer)
    else:
        proof = json.loads(Path(asked.proof).read_text())
    wrong = []
    if root_of(proof) != unhex(asked.root or proof["root"]):
        wrong.append("the siblings do not lead from this ticket to the root")
    if asked.rpc and (found := on_chain(proof, asked.rpc)) != (int(proof["owner"], 16), proof["status"]):
        wrong.append(f"the contract says owner 0x{found[0]:040x}, status {found[1]}")
    print(
        "\n".join(wrong)
        or f"proven: ticket {proof['token_id']} of {proof['collection']} at block {proof['block_number']}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
