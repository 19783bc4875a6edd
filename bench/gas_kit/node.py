"""One node, the parties on it, and transactions that are measured whole: 21,000, calldata and refunds included."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from backend.chain import typed_data
from backend.chain.abi import Interface
from bench.gas_kit.build import Code
from bench.indexer_kit.line import Call, Line
from scripts.machine import ports
from scripts.machine.anvil import CHAIN_ID, Anvil
from scripts.machine.trouble import Trouble

_BLOCK_GAS = 2_000_000_000
_GAS = 200_000_000
"""A thousand tickets in storage take 47 million: more than a network admits in one transaction (EIP-7825)."""
_RICH = 10**30
_TIME = 2_000_000_000
"""The clock of every run, in Unix seconds: signatures and calldata are the same each time."""
TRANSFER = keccak(text="Transfer(address,address,uint256)")


class Wrong(Trouble):
    """What an operation left behind is not what it should: its gas would be that of something else."""


@dataclass(frozen=True)
class Receipt:
    """What a transaction cost, and its logs as (address, topics, data)."""

    gas: int
    price: int
    contract: bytes | None
    logs: list[tuple[bytes, list[bytes], bytes]]

    @property
    def paid(self) -> int:
        """Wei the sender paid for the gas."""
        return self.gas * self.price

    def transfers(self, token: bytes) -> list[tuple[bytes, bytes, int]]:
        """Return the ERC-721 transfers of one contract: (from, to, token id)."""
        return [
            (topics[1][-20:], topics[2][-20:], int.from_bytes(topics[3], "big"))
            for address, topics, _ in self.logs
            if address == token and topics[0] == TRANSFER and len(topics) == 4  # noqa: PLR2004 - indexed token id
        ]


@dataclass(frozen=True)
class Signer:
    """A wallet whose key is known, so that it can sign."""

    key: PrivateKey
    address: bytes

    @classmethod
    def named(cls, name: str) -> Signer:
        """Return the wallet of a name, always the same."""
        key = PrivateKey(keccak(text=f"backstage gas {name}"))
        return cls(key, key.public_key.to_canonical_address())

    def sign(self, document: dict[str, Any]) -> bytes:
        """Return the 65 bytes (r, s, v) of an EIP-712 signature."""
        signed = self.key.sign_msg_hash(typed_data.digest(document))
        r, s, v = int(signed.r), int(signed.s), int(signed.v)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + v])


def wallet(name: str) -> bytes:
    """Return the address of a wallet that never signs; the node sends for it."""
    return keccak(text=f"backstage gas {name}")[-20:]


def wallets(name: str, count: int) -> list[bytes]:
    """Return so many different wallets, sorted: batches in code want them so."""
    return sorted(wallet(f"{name} {number}") for number in range(count))


class Node:
    """A node of this run's own that sends for everybody and mines when it is told to."""

    def __init__(self, anvil: Anvil) -> None:
        self._line = Line(anvil.url)
        self._funded: set[bytes] = set()
        for call in (
            ("anvil_autoImpersonateAccount", [True]),
            ("evm_setAutomine", [False]),
            ("evm_setNextBlockTimestamp", [_TIME]),
        ):
            self._line(call[0], *call[1])
        self._line("evm_mine")

    def deploy(self, sender: bytes, code: Code, types: Sequence[str] = (), values: Sequence[object] = ()) -> Contract:
        """Deploy a contract with these constructor arguments."""
        receipt = self.transact(sender, None, code.bytecode + encode(list(types), list(values)))
        if receipt.contract is None:
            raise Wrong(f"{code.interface.contract} was not deployed")
        return Contract(self, receipt.contract, code.interface, receipt)

    def transact(self, sender: bytes, to: bytes | None, data: bytes, value: int = 0) -> Receipt:
        """Send one transaction in a block of its own. Raises Wrong when it is reverted."""
        if sender not in self._funded:
            self._line("anvil_setBalance", _hex(sender), hex(_RICH))
            self._funded.add(sender)
        said = {"from": _hex(sender), "data": _hex(data), "gas": hex(_GAS), "value": hex(value)}
        named = said if to is None else said | {"to": _hex(to)}
        hashed = self._line("eth_sendTransaction", named)
        self._line("evm_mine")
        receipt = self._line("eth_getTransactionReceipt", hashed)
        if receipt is None or receipt["status"] != "0x1":
            raise Wrong(f"reverted: {self._reason(named)}")
        return Receipt(
            int(receipt["gasUsed"], 16),
            int(receipt["effectiveGasPrice"], 16),
            _bytes(receipt["contractAddress"]) if receipt["contractAddress"] else None,
            [
                (_bytes(log["address"]), [_bytes(topic) for topic in log["topics"]], _bytes(log["data"]))
                for log in receipt["logs"]
            ],
        )

    def ask(self, questions: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
        """Return what calls answer. Raises Trouble when one reverts."""
        calls: list[Call] = [
            ("eth_call", [{"to": _hex(to), "data": _hex(data), "gas": hex(_GAS)}, "latest"]) for to, data in questions
        ]
        return [_bytes(answer) for answer in self._line.many(calls)]

    def wei(self, account: bytes) -> int:
        """Return an account's balance of the native coin."""
        return int(self._line("eth_getBalance", _hex(account), "latest"), 16)

    def give(self, account: bytes, wei: int) -> None:
        """Set an account's balance of the native coin."""
        self._line("anvil_setBalance", _hex(account), hex(wei))
        self._funded.add(account)

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Take back what is done inside, so that each operation finds the same state."""
        kept, funded = self._line("evm_snapshot"), set(self._funded)
        yield
        if not self._line("evm_revert", kept):
            raise Wrong("the node could not go back")
        self._funded = funded

    def _reason(self, said: dict[str, str]) -> str:
        try:
            self._line("eth_call", said, "latest")
        except Trouble as trouble:
            return str(trouble)
        return "no reason given"

    def close(self) -> None:
        """Hang up."""
        self._line.close()


@dataclass(frozen=True)
class Contract:
    """A contract on the node."""

    node: Node
    address: bytes
    interface: Interface
    deployment: Receipt | None = None

    def send(self, sender: bytes, function: str, args: Sequence[object] = (), *, value: int = 0) -> Receipt:
        """Call a function in a transaction of its own."""
        return self.node.transact(sender, self.address, self.interface.encode_call(function, args), value)

    def ask(self, function: str, *args: object) -> Any:
        """Return what a function answers."""
        [answer] = self.node.ask([(self.address, self.interface.encode_call(function, args))])
        return self.interface.decode_output(function, answer)

    def ask_all(self, function: str, arguments: Sequence[Sequence[object]]) -> list[Any]:
        """Return what a function answers to each of many arguments."""
        questions = [(self.address, self.interface.encode_call(function, args)) for args in arguments]
        return [self.interface.decode_output(function, answer) for answer in self.node.ask(questions)]

    def fields(self, function: str, parameter: str) -> typed_data.Fields:
        """Return the fields of a struct that a function takes: what EIP-712 signs of it."""
        entry = next(one for one in self.interface.abi if one.get("name") == function and one["type"] == "function")
        struct = next(one for one in entry["inputs"] if one["name"] == parameter)
        return tuple((part["name"], part["type"]) for part in struct["components"])

    def document(self, domain: str, struct: str, fields: typed_data.Fields, message: dict[str, Any]) -> dict[str, Any]:
        """Return the EIP-712 document of one flat struct for this contract, version 1."""
        return typed_data.document(
            name=domain,
            version="1",
            chain_id=CHAIN_ID,
            verifying_contract=self.address,
            types={struct: fields},
            primary_type=struct,
            message=message,
        )


@contextmanager
def node() -> Iterator[Node]:
    """Run a node that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="backstage-bench-gas-") as folder:
        place = Path(folder)
        anvil = Anvil(place, ports.free_port(), place / "anvil.log", block_gas=_BLOCK_GAS, accounts=0)
        anvil.start()
        try:
            running = Node(anvil)
            yield running
            running.close()
        finally:
            anvil.kill()


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
