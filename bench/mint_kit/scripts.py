"""What the pipeline is held against: scripts that sign and send, and keep no record of anything.

Both mint on a chain like the house's (same state, same block time and gas), with the same key.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import requests
from eth_account import Account
from eth_utils.address import to_checksum_address
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware

from backend.tickets.rules import Entry, encode_entries, mint_gas
from bench.mint_kit.house import BLOCK_GAS, BLOCK_SECONDS, Prepared
from bench.slope import Climb, watch
from scripts.machine import layout, ports
from scripts.machine.anvil import Anvil, rpc

_GWEI = 10**9
_GAS_OF_ONE = 200_000
_FEES = {"maxFeePerGas": 100 * _GWEI, "maxPriorityFeePerGas": _GWEI}
_AHEAD = 6
"""Batches the bare script keeps unmined: enough to fill every block, and far below a node's pool limits."""
_ARTIFACT = layout.ROOT / "backend" / "chain" / "evm" / "artifacts" / "TicketCollection.json"


@contextmanager
def chain_like(url: str) -> Iterator[Anvil]:
    """Run a node with the state of the node at `url`."""
    state = rpc(url, "anvil_dumpState")
    with tempfile.TemporaryDirectory(prefix="backstage-bench-anvil-") as folder:
        place = Path(folder)
        node = Anvil(
            place,
            ports.free_port(),
            place / "anvil.log",
            block_time=BLOCK_SECONDS,
            mixed=False,
            block_gas=BLOCK_GAS,
            accounts=0,
        )
        node.start()
        try:
            rpc(node.url, "anvil_loadState", state)
            yield node
        finally:
            node.kill()


def bare(node: Anvil, prepared: Prepared, key: str, wallets: Sequence[bytes], per_order: int, size: int) -> Climb:
    """Mint with eth-account and JSON-RPC: sign a batch, send it, keep a few ahead of the chain."""
    owners = sorted(wallet for wallet in wallets for _ in range(per_order))
    contract = Web3().eth.contract(abi=_abi())
    line = requests.Session()
    account = Account.from_key(key)
    first = int(_ask(line, node.url, "eth_getTransactionCount", account.address, "latest"), 16)
    chunks = [owners[start : start + size] for start in range(0, len(owners), size)]
    sent = 0

    def count() -> int:
        nonlocal sent
        done = _next_batch(line, node.url, prepared.collection) - 1
        while sent < len(chunks) and sent - done < _AHEAD:
            chunk = chunks[sent]
            data = contract.encode_abi("mintBatch", [sent + 1, encode_entries([Entry(owner, 1) for owner in chunk])])
            # The house's own limit: a block takes transactions by their limits, so another would pack blocks otherwise.
            gas = mint_gas(len(chunk))
            signed = account.sign_transaction(_call(prepared.collection, data, first + sent, gas))
            _ask(line, node.url, "eth_sendRawTransaction", signed.raw_transaction.to_0x_hex())
            sent += 1
        return sum(len(chunk) for chunk in chunks[:done])

    return watch("bare script", len(owners), count, every=0.02)


def pipelined(node: Anvil, prepared: Prepared, key: str, wallets: Sequence[bytes]) -> Climb:
    """Mint one by one with web3.py, never waiting for a receipt before the next is sent."""
    w3 = Web3(HTTPProvider(node.url))
    w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    contract = w3.eth.contract(address=to_checksum_address(prepared.collection), abi=_abi())
    account = w3.eth.account.from_key(key)
    first = w3.eth.get_transaction_count(account.address)

    def send() -> None:
        for index, wallet in enumerate(wallets):
            entries = encode_entries([Entry(wallet, 1)])
            fields = {"chainId": 31_337, "nonce": first + index, "gas": _GAS_OF_ONE, "value": 0, **_FEES}
            built = contract.functions.mintBatch(index + 1, entries).build_transaction(fields)  # type: ignore[arg-type]
            w3.eth.send_raw_transaction(account.sign_transaction(built).raw_transaction)

    sender = Thread(target=send, daemon=True)
    sender.start()
    line = requests.Session()
    climb = watch(
        "web3.py, one by one", len(wallets), lambda: _next_batch(line, node.url, prepared.collection) - 1, every=0.1
    )
    sender.join()
    return climb


def _abi() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(_ARTIFACT.read_text())["abi"]
    return found


def _call(collection: str, data: str, nonce: int, gas: int) -> dict[str, object]:
    to = to_checksum_address(collection)
    return {"type": 2, "chainId": 31_337, "nonce": nonce, "gas": gas, "to": to, "value": 0, "data": data, **_FEES}


def _next_batch(line: requests.Session, url: str, collection: str) -> int:
    selector = Web3.keccak(text="nextBatch()")[:4].to_0x_hex()
    return int(_ask(line, url, "eth_call", {"to": collection, "data": selector}, "latest"), 16)


def _ask(line: requests.Session, url: str, method: str, *params: object) -> str:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = line.post(url, json=body, timeout=30).json()
    if "error" in answer:
        raise RuntimeError(f"{method}: {answer['error']}")
    result: str = answer["result"]
    return result
