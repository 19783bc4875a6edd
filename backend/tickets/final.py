"""What follows from a log that cannot be undone any more: jobs FINAL, tickets LIVE, orders fulfilled.

A log of a token we have no job for is somebody else's collection, or a leaked minter key's work: the first is no
business of ours, the second is logged as an error. Nothing else follows from either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, func, select, text, tuple_, update
from sqlalchemy.orm import Session

from backend.accounts.models import Wallet
from backend.chain import abi
from backend.chain.facts import Facts
from backend.chain.onlog import Log
from backend.kit import logs as kit_logs
from backend.kit.db import forget, locked
from backend.kit.nudges import nudge
from backend.orders import service as orders
from backend.tickets import cancel, claim, holdings, locks, minted, seats, status_changes
from backend.tickets.models import Batch, Collection, MintJob, Ticket
from backend.tickets.rules import (
    ADDRESS_BYTES,
    ENTRY_BYTES,
    ON_CHAIN_STATUS,
    ZERO_ADDRESS,
    batch_of,
    is_bought,
    may_follow,
    step,
    token_id,
)
from backend.tickets.states import CollectionStatus, Custody, JobStatus, TicketStatus

_CONTRACT = "TicketCollection"
_PENDING = TicketStatus.PENDING
_log = kit_logs.get(__name__)


def tokens_settled(session: Session, network: str, seen: Sequence[Log], now: datetime) -> None:
    """Take final Transfer and StatusChanged logs into the tickets' own rows, in the order of the chain."""
    if not seen:
        return
    facts = Facts.of(network, seen)
    final = {(facts.address(at), int.from_bytes(facts.last_topic(at), "big")) for at in facts.places}
    holdings.mark_final(session, network, final, facts.number(facts.places[-1]))
    collections = _ours(session, network, {address for address, _ in final})
    # Anybody may have our factory deploy a collection: of most there are no tickets to look after.
    seen = list(facts.at([at for at in facts.places if facts.address(at) in collections]))
    if not seen:
        return
    touched = {(log.address, _token(log)) for log in seen}
    transfer = abi.topic(_CONTRACT, "Transfer")
    mints = _mints(session, collections, [log for log in seen if log.topics[0] == transfer])
    _lock(session, mints, _keys(collections, touched))
    accounts = _accounts(session, {log.topics[2][12:] for log in seen if log.topics[0] == transfer})
    _minted(session, mints, accounts)
    told = {mint.log for mint in mints}
    others = [log for log in seen if log not in told]
    tickets = _tickets(session, collections, {(log.address, _token(log)) for log in others})
    for log in others:
        ticket = tickets.get((log.address, _token(log)))
        if ticket is None:
            continue
        if log.topics[0] == transfer:
            _moved(session, ticket, log, accounts)
        else:
            _status_changed(session, ticket, log)
    session.flush()
    _fulfil(session, {mint.order_id for mint in mints}, now)


def batches_settled(session: Session, network: str, seen: Sequence[Log], now: datetime) -> None:
    """BatchMinted and BatchCancelled are final: so are the batches, whatever our own transaction's fate.

    A number that somebody else minted (docs/runbooks/minter-compromise.md) will never mint ours: as when it is
    cancelled, the jobs go into a batch of another number, beyond all that are taken.
    """
    collections = _ours(session, network, {log.address for log in seen})
    consumed = {_place(collections, log): log for log in seen if log.address in collections}
    _skip_unknown(session, set(consumed))
    refunded: set[UUID] = set()
    for place, batch in _batches(session, {place: _contents(log) for place, log in consumed.items()}).items():
        contents = _contents(consumed[place])
        if contents == batch.contents_hash:
            batch.tx_hash = batch.tx_hash or consumed[place].tx_hash
            minted.final(session, batch.id, now)
            continue
        if contents is not None:
            _log.error("batch_number_taken", batch_id=str(batch.id), number=place[1], contents="0x" + contents.hex())
        refunded |= cancel.done(session, batch)
    seats.give_back(session, refunded)


def _contents(log: Log) -> bytes | None:
    """Return the hash of what was minted under the number; None when it was cancelled."""
    if log.topics[0] == abi.topic(_CONTRACT, "BatchCancelled"):
        return None
    found: bytes = abi.decode_log(_CONTRACT, "BatchMinted", log.topics, log.data)["contentsHash"]
    return found


def _skip_unknown(session: Session, places: set[tuple[UUID, int]]) -> None:
    """Give out no number that somebody else has consumed. Collections are locked before their batches."""
    if not places:
        return
    query = select(Batch.collection_id, Batch.number).where(tuple_(Batch.collection_id, Batch.number).in_(places))
    for collection_id, number in sorted(places - {(row.collection_id, row.number) for row in session.execute(query)}):
        _log.error("batch_without_a_row", collection_id=str(collection_id), number=number)
        collection = locked(session, Collection, collection_id)
        if collection is not None and collection.next_batch <= number:
            collection.next_batch = number + 1


def collections_deployed(session: Session, network: str, seen: Sequence[Log]) -> None:
    """Have a finally deployed collection of ours compared with what was signed, by whomever it was sent."""
    for log in seen:
        address = log.topics[1][12:]
        query = (
            select(Collection)
            .where(Collection.network == network, Collection.address == address)
            .with_for_update(key_share=True)
        )
        collection = session.scalars(query).one_or_none()
        if collection is not None:
            deployed(session, collection)


def deployed(session: Session, collection: Collection) -> None:
    """Have the collection verified: it stands, finally."""
    if collection.status == CollectionStatus.CONSENTED:
        # The promoter was quicker than our own transaction.
        collection.status = step(CollectionStatus.CONSENTED, CollectionStatus.DEPLOYING)
    if may_follow(CollectionStatus(collection.status), CollectionStatus.DEPLOYED):
        collection.status = step(CollectionStatus(collection.status), CollectionStatus.DEPLOYED)
        collection.run_after = collection.last_error = None
        nudge(session, "tickets.verify_collection", collection.id)


def _batches(session: Session, consumed: dict[tuple[UUID, int], bytes | None]) -> dict[tuple[UUID, int], Batch]:
    """Lock from above and sorted: the orders of batches that will not be minted, the batches, their tickets."""
    if not consumed:
        return {}
    query = select(Batch.id, Batch.collection_id, Batch.number, Batch.contents_hash)
    known = session.execute(query.where(tuple_(Batch.collection_id, Batch.number).in_(consumed))).all()
    gone = [row.id for row in known if consumed[row.collection_id, row.number] != row.contents_hash]
    orders.lock(session, session.scalars(select(MintJob.order_id).where(MintJob.batch_id.in_(gone))))
    locked_rows = locks.batches(session, [row.id for row in known])
    locks.hold_tickets_with_jobs(session, MintJob.batch_id.in_(locked_rows))
    return {(row.collection_id, row.number): row for row in locked_rows.values()}


def _place(collections: dict[bytes, Collection], log: Log) -> tuple[UUID, int]:
    return collections[log.address].id, int.from_bytes(log.topics[1], "big")


def _ours(session: Session, network: str, addresses: set[bytes]) -> dict[bytes, Collection]:
    query = select(Collection).where(Collection.network == network, Collection.address.in_(addresses))
    return {found.address: found for found in session.scalars(query) if found.address is not None}


@dataclass(frozen=True, slots=True)
class _Mint:
    """A final mint of a job of ours, and the log that tells of it."""

    job_id: UUID
    ticket_id: UUID
    order_id: UUID
    log: Log


_TICKETS_MINTED = text(f"""
    UPDATE tickets t SET
        token_id = m.token_id,
        status = CASE t.status WHEN '{_PENDING}' THEN '{step(_PENDING, TicketStatus.LIVE)}' ELSE t.status END,
        custody = CASE WHEN m.is_escrow THEN '{Custody.ESCROW}' ELSE '{Custody.WALLET}' END,
        holder_account_id = CASE WHEN m.is_escrow THEN t.holder_account_id ELSE m.holder END
    FROM unnest(CAST(:ticket AS uuid[]), CAST(:token AS numeric[]), CAST(:is_escrow AS boolean[]),
                CAST(:holder AS uuid[])) AS m (ticket_id, token_id, is_escrow, holder)
    WHERE t.id = m.ticket_id
""")  # noqa: S608 - names of states


def _mints(session: Session, collections: dict[bytes, Collection], transfers: Sequence[Log]) -> list[_Mint]:
    """Return the jobs whose mint is among `transfers`, each with its log. Locks nothing yet."""
    wanted = {
        (collections[log.address].id, *batch_of(_token(log))): log
        for log in transfers
        # What was bought has no job: its purchase is settled by `bought`.
        if log.topics[1][12:] == ZERO_ADDRESS and log.address in collections and not is_bought(_token(log))
    }
    if not wanted:
        return []
    job = (MintJob.id, MintJob.ticket_id, MintJob.order_id, MintJob.batch_index)
    owner = func.substring(Batch.entries, MintJob.batch_index * ENTRY_BYTES + 1, ADDRESS_BYTES, type_=LargeBinary)
    query = (
        select(*job, Batch.collection_id, Batch.number, owner.label("owner"))
        .join(Batch, Batch.id == MintJob.batch_id)
        .where(tuple_(Batch.collection_id, Batch.number).in_({place[:2] for place in wanted}))
    )
    found = []
    for row in session.execute(query):
        log = wanted.get((row.collection_id, row.number, row.batch_index))
        # Another owner: somebody else minted under our batch's number, and it is no job's ticket.
        if log is not None and log.topics[2][12:] == row.owner:
            del wanted[row.collection_id, row.number, row.batch_index]
            found.append(_Mint(row.id, row.ticket_id, row.order_id, log))
    for collection_id, number, index in sorted(wanted, key=str):
        _log.error("mint_without_job", collection_id=str(collection_id), token_id=token_id(number, index))
    return found


def _lock(session: Session, mints: Sequence[_Mint], keys: list[tuple[UUID, int]]) -> None:
    """Lock from above: the orders that may turn out to be fulfilled, then all tickets the logs touch, sorted."""
    orders.lock_ids(session, {mint.order_id for mint in mints})
    held = select(Ticket.id).where(tuple_(Ticket.collection_id, Ticket.token_id).in_(keys)) if keys else None
    ids = {mint.ticket_id for mint in mints} | set(session.scalars(held) if held is not None else ())
    if ids:
        locks.hold_tickets(session, ids)


def _minted(session: Session, mints: Sequence[_Mint], accounts: dict[bytes, UUID]) -> None:
    """Write all mints by two statements: jobs FINAL, tickets LIVE and with whom they are."""
    if not mints:
        return
    session.flush()
    receivers = [mint.log.topics[2][12:] for mint in mints]
    session.execute(
        _TICKETS_MINTED,
        {
            "ticket": [mint.ticket_id for mint in mints],
            "token": [_token(mint.log) for mint in mints],
            # Into escrow: whoever bought it is still who it waits for.
            "is_escrow": [to == mint.log.address for to, mint in zip(receivers, mints, strict=True)],
            "holder": [accounts.get(to) for to in receivers],
        },
    )
    before = [status for status in JobStatus if may_follow(status, JobStatus.FINAL)]
    session.execute(
        update(MintJob)
        .where(MintJob.id.in_([mint.job_id for mint in mints]), MintJob.status.in_(before))
        .values(status=JobStatus.FINAL),
        execution_options={"synchronize_session": False},
    )
    forget(session, Ticket, MintJob)


def _keys(collections: dict[bytes, Collection], touched: set[tuple[bytes, int]]) -> list[tuple[UUID, int]]:
    return sorted((collections[address].id, token) for address, token in touched if address in collections)


def _tickets(
    session: Session, collections: dict[bytes, Collection], touched: set[tuple[bytes, int]]
) -> dict[tuple[bytes, int], Ticket]:
    by_id = {collection.id: address for address, collection in collections.items()}
    keys = _keys(collections, touched)
    if not keys:
        return {}
    found = locks.tickets(session, tuple_(Ticket.collection_id, Ticket.token_id).in_(keys))
    return {
        (by_id[ticket.collection_id], ticket.token_id): ticket
        for ticket, _ in found
        if ticket.collection_id is not None and ticket.token_id is not None
    }


def _accounts(session: Session, addresses: set[bytes]) -> dict[bytes, UUID]:
    found = session.execute(select(Wallet.address, Wallet.account_id).where(Wallet.address.in_(addresses)))
    return {row[0]: row[1] for row in found}


def _moved(session: Session, ticket: Ticket, log: Log, accounts: dict[bytes, UUID]) -> None:
    receiver = log.topics[2][12:]
    if receiver == log.address:
        # Into escrow: whoever bought it is still who it waits for.
        ticket.custody = Custody.ESCROW
        return
    ticket.custody = Custody.WALLET
    ticket.holder_account_id = accounts.get(receiver)
    if log.topics[1][12:] == log.address:
        claim.left_escrow(session, ticket.id, receiver, log.tx_hash)


def _status_changed(session: Session, ticket: Ticket, log: Log) -> None:
    status = ON_CHAIN_STATUS[int.from_bytes(log.data[:32], "big")]
    status_changes.confirmed(session, ticket.id, status)
    # The house may be ahead of the chain: what is USED here is not revived by an older log, and a lock that was set,
    # taken back and set again not opened by the one in the middle.
    if not status_changes.outweighs(session, ticket.id, status) and may_follow(TicketStatus(ticket.status), status):
        ticket.status = step(TicketStatus(ticket.status), status)


def _fulfil(session: Session, order_ids: set[UUID], now: datetime) -> None:
    """Tell orders which of these have all their tokens."""
    if not order_ids:
        return
    unfinished = set(
        session.scalars(
            select(MintJob.order_id).where(MintJob.order_id.in_(order_ids), MintJob.status != JobStatus.FINAL)
        )
    )
    orders.fulfilled(session, order_ids - unfinished, now)


def _token(log: Log) -> int:
    # Transfer carries the token in its third indexed place, StatusChanged in its first.
    return int.from_bytes(log.topics[-1], "big")
