"""A laboratory of one contract on either chain, and sends to it, with a clock that can be moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID, uuid4

from eth_account import Account
from eth_utils.crypto import keccak
from sqlalchemy import select

from backend.chain import outbox, registry
from backend.chain import send as sending
from backend.chain import watch as watching
from backend.chain.evm.client import EvmChain
from backend.chain.evm.signers import LocalSigner
from backend.chain.fake import FakeCall, FakeChain, FakeLog, FakeSigner, Storage
from backend.chain.models import ChainAttempt, ChainSend
from backend.chain.notices import SendFinal, SendMined, SendReverted, SendUnknown, SendUnmined
from backend.chain.port import CallReverted, ChainPort, Signer
from backend.kit import clock, notices
from backend.kit.db import unit_of_work
from scripts.machine.anvil import Anvil, rpc

NETWORK = "eip155:31337"
ROLE = "minter"
COUNTER = bytes.fromhex("c0" * 20)
PURPOSE = "tests.land"
OUT_OF_ORDER = keccak(text="BatchOutOfOrder(uint64,uint64)")[:4]
PAUSED = keccak(text="ScopePaused(uint8)")[:4] + (2).to_bytes(32)
_START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def land(number: int) -> bytes:
    """Call data for the counter: it takes `number` only when it is the next one."""
    return b"land" + number.to_bytes(32)


# expected = sload(0) + 1; given = calldata[4:36]; equal: store and log it; else revert BatchOutOfOrder(expected, given)
COUNTER_CODE = bytes.fromhex(
    f"60005460010160043581811460255763{OUT_OF_ORDER.hex()}60e01b60005260245260045260446000fd5b8060005560006000a100"
)
# Reverts ScopePaused(2) whatever it is asked.
PAUSED_CODE = bytes.fromhex(f"63{PAUSED[:4].hex()}60e01b600052600260045260246000fd")


class Lab(Protocol):
    """A chain with the counter on it, and the means to make trouble."""

    port: ChainPort
    signer: Signer

    def mine(self, blocks: int = 1) -> None: ...
    def reorg(self, depth: int) -> None: ...
    def forget_pool(self) -> None: ...
    def pause(self) -> None: ...
    def unpause(self) -> None: ...
    def fund(self, wei: int) -> None: ...
    def landed(self) -> int: ...


class FakeLab:
    """The laboratory in memory."""

    def __init__(self) -> None:
        self.port = FakeChain()
        self.signer = FakeSigner("minter")
        self.is_paused = False
        self.port.put_contract(COUNTER, self._counter)

    def _counter(self, call: FakeCall, storage: Storage) -> tuple[bytes, list[FakeLog]]:
        if self.is_paused:
            raise CallReverted(PAUSED)
        expected, given = storage.get("landed", 0) + 1, int.from_bytes(call.data[4:36])
        if expected != given:
            raise CallReverted(OUT_OF_ORDER + expected.to_bytes(32) + given.to_bytes(32))
        storage["landed"] = given
        return b"", [FakeLog((given.to_bytes(32),))]

    def mine(self, blocks: int = 1) -> None:
        self.port.mine(blocks)

    def reorg(self, depth: int) -> None:
        self.port.reorg(depth)

    def forget_pool(self) -> None:
        self.port.forget_pool()

    def pause(self) -> None:
        self.is_paused = True

    def unpause(self) -> None:
        self.is_paused = False

    def fund(self, wei: int) -> None:
        self.port.set_balance(self.signer.address, wei)

    def landed(self) -> int:
        return int(self.port.storage(COUNTER).get("landed", 0))


class AnvilLab:
    """The laboratory on a real node that mines only when told to."""

    def __init__(self, node: Anvil) -> None:
        self.node = node
        self.port = EvmChain(31337, node.url)
        self.signer = LocalSigner(Account.from_key(keccak(text="a key of the tests")))
        self.fund(10**18)
        self.unpause()
        self.ask("evm_setAutomine", False)

    def ask(self, method: str, *params: object) -> Any:
        return rpc(self.node.url, method, *params)

    def mine(self, blocks: int = 1) -> None:
        self.node.mine(blocks)

    def reorg(self, depth: int) -> None:
        self.ask("anvil_reorg", depth, [])
        # anvil's new branch is as long as the old one
        self.mine()

    def forget_pool(self) -> None:
        self.ask("anvil_dropAllTransactions")

    def pause(self) -> None:
        self.ask("anvil_setCode", "0x" + COUNTER.hex(), "0x" + PAUSED_CODE.hex())

    def unpause(self) -> None:
        self.ask("anvil_setCode", "0x" + COUNTER.hex(), "0x" + COUNTER_CODE.hex())

    def fund(self, wei: int) -> None:
        self.node.fund("0x" + self.signer.address.hex(), wei)

    def landed(self) -> int:
        return int(self.ask("eth_getStorageAt", "0x" + COUNTER.hex(), "0x0", "latest"), 16)


@dataclass
class Outbox:
    """The outbox at work on a laboratory: enqueues, moves the clock, runs workers and remembers what was announced."""

    lab: Lab
    now: datetime = _START
    told: list[tuple[str, UUID]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def enqueue(self, number: int, **more: Any) -> UUID:
        """Ask for the counter to take `number`."""
        with unit_of_work() as session:
            subject = more.pop("subject_id", None) or uuid4()
            return outbox.enqueue(session, NETWORK, ROLE, COUNTER, land(number), PURPOSE, subject, self.now, **more).id

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def send(self, send_id: UUID) -> None:
        sending.send(send_id)

    def watch(self, send_id: UUID) -> None:
        """Look when the next look is due."""
        self.wait(20)
        watching.watch(send_id)

    def settle(self, send_id: UUID, rounds: int = 6) -> None:
        """Let worker and chain go on until there is nothing left to do."""
        for _ in range(rounds):
            self.wait(25)
            sending.send(send_id)
            self.lab.mine()
            self.watch(send_id)

    def row(self, send_id: UUID) -> ChainSend:
        with unit_of_work() as session:
            return session.get_one(ChainSend, send_id)

    def attempts(self, send_id: UUID) -> list[ChainAttempt]:
        with unit_of_work() as session:
            query = select(ChainAttempt).where(ChainAttempt.send_id == send_id).order_by(ChainAttempt.id)
            return list(session.scalars(query))

    def heard(self, send_id: UUID) -> list[str]:
        """The notices about a send, in order."""
        return [name for name, about in self.told if about == send_id]


@contextmanager
def running(lab: Lab, more: dict[str, Signer] | None = None) -> Iterator[Outbox]:
    """Serve the network by `lab`, move time by hand, and listen to the notices."""
    box = Outbox(lab)

    def listen(_session: Any, notice: Any, _now: datetime) -> None:
        box.told.append((type(notice).__name__, notice.send_id))
        if isinstance(notice, SendReverted):
            box.reasons.append(notice.reason)

    kinds = (SendMined, SendFinal, SendReverted, SendUnmined, SendUnknown)
    # The reactions of the capabilities above are not the subject here.
    before = {kind: notices._at_once.pop(kind, []) for kind in kinds}
    for kind in kinds:
        notices.at_once(kind)(listen)
    try:
        with registry.replaced(NETWORK, lab.port, {ROLE: lab.signer, **(more or {})}), clock.use(lambda: box.now):
            yield box
    finally:
        for kind, reactions in before.items():
            notices._at_once[kind] = reactions
