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
    return keccak.new(data=data, digest_bits=256).digest()


def root_of(proof: dict[str, Any]) -> str:
    """Return the root that ticket and siblings lead to: StandardMerkleTree's leaf, pairs sorted and hashed."""
    numbers = [int(proof["collection"], 16), proof["token_id"], int(proof["owner"], 16), proof["status"]]
    node = hashed(hashed(b"".join(number.to_bytes(32, "big") for number in numbers)))
    for sibling in (bytes.fromhex(text[2:]) for text in proof["proof"]):
        node = hashed(min(node, sibling) + max(node, sibling))
    return "0x" + node.hex()


def asked(proof: dict[str, Any], url: str, signature: bytes) -> str | None:
    """Return what the contract answers about the token at the checkpoint's block; None: it reverts, as when burned."""
    data = "0x" + (hashed(signature)[:4] + proof["token_id"].to_bytes(32, "big")).hex()
    params = [{"to": proof["collection"], "data": data}, {"blockHash": proof["block_hash"]}]
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - the user's node
    answer = json.load(urllib.request.urlopen(request, timeout=30))  # noqa: S310 - as above
    if "revert" in str(answer.get("error", "")).lower():
        return None
    return str(answer["result"])


def main() -> int:
    """Verify what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", help="a file, or an address")
    parser.add_argument("--root", help="the root you hold the house to, such as one that you wrote down")
    parser.add_argument("--rpc", metavar="URL", help="a node of the proof's network that you trust")
    given = parser.parse_args()
    is_address = given.proof.startswith(("http://", "https://"))
    text = urllib.request.urlopen(given.proof, timeout=30).read() if is_address else Path(given.proof).read_bytes()  # noqa: S310
    proof, wrong = json.loads(text), []
    if root_of(proof) != (given.root or proof["root"]).lower():
        wrong.append("the siblings do not lead from this ticket to the root")
    if given.rpc:
        owner, ticket = (asked(proof, given.rpc, one) for one in (b"ownerOf(uint256)", b"ticket(uint256)"))
        found = (int(owner, 16), int(ticket[130:194], 16)) if owner and ticket else (0, 3)
        if found != (int(proof["owner"], 16), proof["status"]):
            wrong.append(f"the contract says owner 0x{found[0]:040x}, status {found[1]}")
    print(
        "\n".join(wrong)
        or f"proven: ticket {proof['token_id']} of {proof['collection']}, block {proof['block_number']}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
