"""Recoveries: the promoter asks that a locked ticket go to another wallet, and its holder has two days to refuse.

The contract moves the ticket when nobody refuses, so the holder has to hear of it: here is what the logs tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.chain import abi
from backend.chain.facts import Facts, store_new
from backend.chain.onlog import Log
from backend.kit import bulk, logs
from backend.kit.bulk import ADDRESS, NULL
from backend.tickets.errors import NoRecovery, NotTheHolder, TicketUnknown
from backend.tickets.models import Collection, Holding, Recovery, Ticket

CONTRACT = "TicketCollection"
EVENTS = ("RecoveryRequested", "RecoveryCancelled")
_COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "collection",
    "token_id",
    "kind",
    "wallet",
    "epoch",
    "ready_at",
)
_REQUESTED, _CANCELLED = "REQUESTED", "CANCELLED"
_STANDS = (0, 1)
"""Statuses on chain in which a request may still be carried out: LIVE and LOCKED."""
_LARGEST = 2**63 - 1
_END = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
"""The last moment that can be shown."""
Token = tuple[str, bytes, int]
"""Network, collection and token id."""
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A recovery that stands: unless somebody refuses, the ticket may go to `to` from `ready_at` on."""

    to: bytes
    ready_at: datetime
    tx_hash: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the holder's wallet sends to refuse."""

    network: str
    collection: bytes
    holder: bytes
    data: bytes


def note(session: Session, network: str, logs_: Sequence[Log]) -> None:
    """Write the logs down, once each."""
    facts = Facts.of(network, logs_)
    requested = abi.topic(CONTRACT, "RecoveryRequested")
    head = bulk.count(len(_COLUMNS)) + bulk.text(network)
    rows: dict[int, bytes] = {}
    for at in facts.places:
        is_request = facts.topic(at, 0) == requested
        token = int.from_bytes(facts.topic(at, 1), "big")
        epoch, ready_at = NULL, NULL
        if is_request:
            epoch = bulk.int8(int.from_bytes(facts.word(at, 0), "big"))
            ready_at = bulk.int8(min(int.from_bytes(facts.word(at, 1), "big"), _LARGEST))
        rows[at] = b"".join(
            (
                head,
                facts.rows[at : at + 116],
                bulk.numeric(token),
                bulk.text(_REQUESTED if is_request else _CANCELLED),
                ADDRESS,
                facts.topic(at, 2)[12:],
                epoch,
                ready_at,
            )
        )
    old = store_new(session, Recovery.__tablename__, _COLUMNS, facts, rows)
    for at in facts.places:
        if facts.topic(at, 0) == requested and at not in old:
            token = int.from_bytes(facts.topic(at, 1), "big")
            _log.warning("recovery_requested", collection=show_address(facts.address(at)), token_id=token)


def forget(session: Session, network: str, from_block: int) -> None:
    """Forget what undone blocks said."""
    session.execute(
        delete(Recovery)
        .where(Recovery.network == network, Recovery.block_number >= from_block)
        .execution_options(synchronize_session=False)
    )


def standing(session: Session, holdings: Sequence[Holding]) -> dict[Token, Asked]:
    """Return the recoveries that stand for these tokens, however many there are by one query.

    The last word counts; a request dies when the ticket moves, is used or void. An unlock cancels it by a log.
    """
    held = {(row.network, row.collection, int(row.token_id)): row for row in holdings if row.status in _STANDS}
    if not held:
        return {}
    query = (
        select(Recovery)
        .where(tuple_(Recovery.network, Recovery.collection, Recovery.token_id).in_(list(held)))
        .order_by(Recovery.block_number, Recovery.log_index)
    )
    last = {(row.network, row.collection, int(row.token_id)): row for row in session.scalars(query)}
    return {
        token: Asked(row.wallet, datetime.fromtimestamp(min(row.ready_at, _END), UTC), row.tx_hash)
        for token, row in last.items()
        if row.kind == _REQUESTED and row.ready_at is not None and row.epoch == held[token].epoch
    }


def refusal(session: Session, ticket_id: UUID, wallet: bytes) -> Refusal:
    """Return the holder's `cancelRecovery`. Raises TicketUnknown, NotTheHolder, NoRecovery."""
    found = session.execute(
        select(Ticket, Collection, Holding)
        .join(Collection, Collection.id == Ticket.collection_id)
        .join(
            Holding,
            (Holding.network == Collection.network)
            & (Holding.collection == Collection.address)
            & (Holding.token_id == Ticket.token_id),
        )
        .where(Ticket.id == ticket_id)
    ).one_or_none()
    if found is None:
        raise TicketUnknown
    _, collection, holding = found
    if holding.owner != wallet:
        raise NotTheHolder
    if not standing(session, [holding]):
        raise NoRecovery
    data = abi.encode_call(CONTRACT, "cancelRecovery", [int(holding.token_id)])
    return Refusal(collection.network, holding.collection, wallet, data)
