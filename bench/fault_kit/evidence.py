"""What there is to compare at the end: what the provider took, what stands on the chain, what the house has written.

The provider and the chain are asked themselves, past the proxy. Nothing here believes the house.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from backend.chain import abi
from scripts.machine.anvil import CHAIN_ID
from scripts.machine.trouble import Trouble

_CONTRACT = "TicketCollection"
_AT_ONCE = 100
_TIMEOUT_SECONDS = 60
_NETWORK = f"eip155:{CHAIN_ID}"
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Token:
    """A token as its contract has it."""

    collection: bytes
    token_id: int
    owner: bytes
    tier: int
    status: int


@dataclass
class Chain:
    """A client of the node that asks many things at once."""

    url: str

    def ask(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> Iterator[Any]:
        """Return the results in order. Raises RuntimeError with the node's words."""
        for start in range(0, len(calls), _AT_ONCE):
            body = [
                {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
                for number, (method, params) in enumerate(calls[start : start + _AT_ONCE])
            ]
            answers = {answer["id"]: answer for answer in _post(self.url, body)}
            for call in body:
                answer = answers[call["id"]]
                if "error" in answer:
                    raise RuntimeError(f"{call['method']} {call['params']}: {answer['error']}")
                yield answer["result"]

    def head(self) -> int:
        """Return the number of the newest block."""
        return int(next(self.ask([("eth_blockNumber", [])])), 16)

    def logs(self, addresses: Sequence[bytes]) -> list[dict[str, Any]]:
        """Return every log of these contracts."""
        where = {"fromBlock": "0x0", "toBlock": "latest", "address": ["0x" + address.hex() for address in addresses]}
        found: list[dict[str, Any]] = next(self.ask([("eth_getLogs", [where])]))
        return found

    def tokens(self, logs: Sequence[dict[str, Any]]) -> list[Token]:
        """Return every token that was minted, as its contract describes it now."""
        transfer, nobody = "0x" + abi.topic(_CONTRACT, "Transfer").hex(), "0x" + bytes(32).hex()
        minted = [
            (bytes.fromhex(log["address"][2:]), int(log["topics"][3], 16))
            for log in logs
            if log["topics"][0] == transfer and log["topics"][1] == nobody
        ]
        calls = [
            (
                "eth_call",
                [
                    {
                        "to": "0x" + collection.hex(),
                        "data": "0x" + abi.encode_call(_CONTRACT, "ticket", [token_id]).hex(),
                    },
                    "latest",
                ],
            )
            for collection, token_id in minted
        ]
        found = []
        for (collection, token_id), answer in zip(minted, self.ask(calls), strict=True):
            said = abi.decode_output(_CONTRACT, "ticket", bytes.fromhex(answer[2:]))
            found.append(Token(collection, token_id, said["owner"], said["tier"], said["status"]))
        return found

    def transactions(self, senders: set[bytes]) -> dict[bytes, int]:
        """Return the hash and nonce of every transaction of `senders` in any block.

        Raises Trouble when the node lost a block of its chain: what it says then proves nothing of the house.
        """
        numbers = range(self.head() + 1)
        found: dict[bytes, int] = {}
        blocks = self.ask([("eth_getBlockByNumber", [hex(number), True]) for number in numbers])
        for number, block in zip(numbers, blocks, strict=True):
            if block is None:
                raise Trouble(f"the node lost block {number} of {numbers[-1]}, so its chain proves nothing")
            found |= {
                bytes.fromhex(sent["hash"][2:]): int(sent["nonce"], 16)
                for sent in block["transactions"]
                if bytes.fromhex(sent["from"][2:]) in senders
            }
        return found

    def nonces(self, address: bytes) -> tuple[int, int]:
        """Return how many transactions of an address are mined, and how many with the pool."""
        calls = [("eth_getTransactionCount", ["0x" + address.hex(), tag]) for tag in ("latest", "pending")]
        mined, pending = (int(found, 16) for found in self.ask(calls))
        return mined, pending


@dataclass(frozen=True)
class Provider:
    """What the payment provider took and gave back, by its own account."""

    paid: dict[str, int]
    """Order's id -> amount taken for it."""
    refunded: dict[str, int]
    """Order's id -> amount given back."""
    double: list[str]
    """Orders that were paid more than once."""
    paid_at: dict[str, float] = field(default_factory=dict)
    """Order's id -> when it took the money, in whole seconds since 1970."""

    @classmethod
    def ask(cls, url: str) -> Provider:
        """Read every event there was."""
        with urllib.request.urlopen(f"{url}/_sim/events", timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - loopback
            events = json.loads(answer.read())
        paid: dict[str, int] = {}
        paid_at: dict[str, float] = {}
        double, order_of = [], {}
        for event in events:
            about = event["data"]["object"]
            if event["type"] == "checkout.session.completed" and about["payment_status"] == "paid":
                order = about["client_reference_id"]
                if order in paid:
                    double.append(order)
                paid[order] = paid.get(order, 0) + about["amount_total"]
                paid_at.setdefault(order, float(event["created"]))
                order_of[about["payment_intent"]] = order
        refunded: dict[str, int] = {}
        for event in events:
            about = event["data"]["object"]
            if event["type"] == "refund.created":
                order = order_of[about["payment_intent"]]
                refunded[order] = refunded.get(order, 0) + about["amount"]
        return cls(paid, refunded, double, paid_at)


def refunds_asked(journal: Path) -> dict[str, bool]:
    """Return the orders whose refund the crowd asked for, and of each whether the house said that it will."""
    told = [json.loads(line) for line in journal.read_text().splitlines()]
    return {one["order"]: one["refund"] == "taken" for one in told if one["refund"] is not None}


def _post(url: str, body: list[dict[str, Any]]) -> list[dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310 - the local node
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - as above
        found: list[dict[str, Any]] = json.loads(answer.read())
    return found


_UNFINISHED = {
    "order": """
        SELECT id::text, status FROM orders
        WHERE status IN ('AWAITING_PAYMENT', 'PAID', 'PAID_LATE', 'REFUNDING', 'STUCK')""",
    "payment": "SELECT id::text, status FROM payments WHERE status IN ('STARTED', 'PENDING', 'STUCK')",
    "provider event": "SELECT external_id, status FROM provider_events WHERE status IN ('RECEIVED', 'STUCK')",
    "refund": "SELECT id::text, status FROM refunds WHERE status NOT IN ('SUCCEEDED')",
    "mint job": "SELECT id::text, status FROM mint_jobs WHERE status NOT IN ('FINAL', 'REFUNDING')",
    "batch": "SELECT id::text, status FROM batches WHERE status NOT IN ('FINAL', 'CANCELLED')",
    "send": "SELECT id::text, status FROM chain_sends WHERE status NOT IN ('FINAL', 'REVERTED', 'CANCELLED')",
    "attempt": """
        SELECT a.id::text, a.status FROM chain_attempts a WHERE a.status NOT IN ('FINAL', 'REVERTED', 'REPLACED')""",
    "status change": "SELECT id::text, status FROM ticket_status_changes WHERE status <> 'DONE'",
    "reaction": "SELECT id::text, status FROM reactions WHERE status <> 'DONE'",
    "index": "SELECT name, status FROM chain_cursors WHERE status <> 'RUNNING'",
}


@dataclass
class Database:
    """The house's own rows."""

    url: str

    def rows(self, query: str, *values: object) -> list[Row]:
        """Read."""
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            return connection.execute(query, values).fetchall()

    def unfinished(self) -> list[tuple[str, str, str]]:
        """Return everything that has not come to its end: what it is, its id, its status."""
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            return [(what, *row) for what, query in _UNFINISHED.items() for row in connection.execute(query).fetchall()]

    def indexed_up_to(self) -> int:
        """Return the newest block of the index; -1 before the first."""
        query = "SELECT block_number FROM chain_cursors WHERE network = %s AND name = 'facts'"
        found = self.rows(query, _NETWORK)
        return int(found[0][0]) if found else -1
