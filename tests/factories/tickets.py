"""Collections, paid orders, batches and the logs a collection emits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalog.models import Event
from backend.chain import abi
from backend.chain.onlog import Log
from backend.orders.models import Order, OrderStatus, Seats
from backend.tickets import place, typed_data
from backend.tickets.models import Collection, MintJob, Ticket
from backend.tickets.rules import ZERO_ADDRESS, Entry, encode_entries, token_id
from backend.tickets.states import CollectionStatus
from tests.factories.accounts import NOON
from tests.factories.orders import Sale, make_order, make_sale

NETWORK = "eip155:31337"
ADDRESS = bytes.fromhex("c0de" * 10)
ALICE, BOB, CAROL = (bytes([letter]) * 20 for letter in (0xA1, 0xB0, 0xCA))


def make_collection(session: Session, event: Event, address: bytes = ADDRESS, **values) -> Collection:
    """Return the event's collection, LIVE."""
    row = {
        "network": NETWORK,
        "address": address,
        "event_ref": typed_data.event_ref(event.id),
        "version": 1,
        "status": CollectionStatus.LIVE,
        "params": {},
        "metadata_files": {},
        "metadata_cid": "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
        "consent": b"",
        "consent_expires_at": NOON,
        "generation": 0,
        "next_batch": 1,
        "created_at": NOON,
        **values,
    }
    collection = Collection(organisation_id=event.organisation_id, event_id=event.id, **row)
    session.add(collection)
    session.flush()
    return collection


def paid_order(
    session: Session, sale: Sale, quantity: int = 2, recipient: bytes | None = ALICE, now: datetime = NOON
) -> Order:
    """Return an order that is paid; its tickets are not placed yet."""
    order = make_order(session, sale, now, quantity=quantity)
    order.status, order.seats = OrderStatus.PAID, Seats.SOLD
    order.paid_at, order.recipient = now, recipient
    session.flush()
    return order


@dataclass
class Minting:
    """A collection with paid, placed tickets."""

    sale: Sale
    collection: Collection
    order: Order


def make_minting(
    session: Session, quantity: int = 2, recipient: bytes | None = ALICE, address: bytes = ADDRESS
) -> Minting:
    """Return an event whose collection is live and an order of `quantity` tickets, queued."""
    sale = make_sale(session)
    collection = make_collection(session, sale.event, address)
    order = paid_order(session, sale, quantity, recipient)
    place.place(session, order.id, NOON)
    return Minting(sale, collection, order)


def jobs_of(session: Session, order_id: UUID) -> list[MintJob]:
    """Return the order's mint jobs as the database has them."""
    query = select(MintJob).where(MintJob.order_id == order_id).order_by(MintJob.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def tickets_of(session: Session, order_id: UUID) -> list[Ticket]:
    """Return the order's tickets as the database has them."""
    query = select(Ticket).where(Ticket.order_id == order_id).order_by(Ticket.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _word(value: bytes | int) -> bytes:
    return value.to_bytes(32) if isinstance(value, int) else value.rjust(32, b"\0")


@dataclass
class Chain:
    """Writes the logs a collection would emit, block after block; a fork gives other block hashes."""

    address: bytes = ADDRESS
    branch: int = 0
    number: int = 10
    logs: list[Log] = field(default_factory=list)
    _index: int = 0

    def block(self) -> "Chain":
        """Begin the next block."""
        self.number, self._index = self.number + 1, 0
        return self

    def emit(self, event: str, *topics: bytes | int, data: bytes = b"", contract: str = "TicketCollection") -> None:
        """Emit one log in the present block."""
        self.logs.append(
            Log(
                network=NETWORK,
                block_number=self.number,
                block_hash=keccak(text=f"block {self.number} of branch {self.branch}"),
                block_timestamp=NOON,
                tx_hash=keccak(text=f"transaction {self.number} of branch {self.branch}"),
                log_index=self._index,
                address=self.address,
                topics=(abi.topic(contract, event), *(_word(topic) for topic in topics)),
                data=data,
            )
        )
        self._index += 1

    def mint(self, number: int, entries: Sequence[tuple[bytes, int]]) -> list[int]:
        """Mint a batch as `mintBatch` does; return the token ids."""
        packed = encode_entries([Entry(owner, tier) for owner, tier in entries])
        self.emit("BatchMinted", number, data=encode(["bytes32", "uint32"], [keccak(packed), len(entries)]))
        tiers = b"".join(tier.to_bytes(2) for _, tier in entries)
        self.emit("TierAssigned", number, data=encode(["bytes"], [tiers]))
        for index, (owner, _) in enumerate(entries):
            self.emit("Transfer", ZERO_ADDRESS, owner, token_id(number, index))
        return [token_id(number, index) for index in range(len(entries))]

    def move(self, token: int, sender: bytes, receiver: bytes, epoch: int, kind: int = 0) -> None:
        """Move a token as the hook does."""
        self.emit("Transfer", sender, receiver, token)
        self.emit("TicketMoved", token, data=encode(["uint8", "uint32"], [kind, epoch]))

    def status(self, token: int, status: int) -> None:
        """Change a token's status."""
        self.emit("StatusChanged", token, data=encode(["uint8"], [status]))

    def burn(self, token: int, owner: bytes) -> None:
        """Burn a token."""
        self.emit("Transfer", owner, ZERO_ADDRESS, token)

    def taken(self) -> list[Log]:
        """Return the logs since the last call."""
        found, self.logs = self.logs, []
        return found
