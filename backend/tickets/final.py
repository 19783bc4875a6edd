"""What follows from a log that cannot be undone any more: jobs FINAL, tickets LIVE, orders fulfilled.

A log of a token we have no job for is somebody else's collection, or a leaked minter key's work: the first is no
business of ours, the second is logged as an error. Nothing else follows from either.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from backend.accounts.models import Wallet
from backend.chain import abi
from backend.chain.onlog import Log
from backend.kit import logs as kit_logs
from backend.kit.db import locked
from backend.kit.nudges import nudge
from backend.orders import service as orders
from backend.tickets import cancel, claim, holdings, minted, status_changes
from backend.tickets.models import Batch, Collection, MintJob, Ticket
from backend.tickets.rules import ON_CHAIN_STATUS, ZERO_ADDRESS, batch_of, is_bought, may_follow, step, token_id
from backend.tickets.states import CollectionStatus, Custody, JobStatus, TicketStatus

_CONTRACT = "TicketCollection"
_log = kit_logs.get(__name__)


def tokens_settled(session: Session, network: str, seen: Sequence[Log], now: datetime) -> None:
    """Take final Transfer and StatusChanged logs into the tickets' own rows, in the order of the chain."""
    if not seen:
        return
    touched = {(log.address, _token(log)) for log in seen}
    holdings.mark_final(session, network, touched, max(log.block_number for log in seen))
    collections = _ours(session, network, {log.address for log in seen})
    transfer = abi.topic(_CONTRACT, "Transfer")
    orders_touched: set[UUID] = set()
    _minted(session, collections, [log for log in seen if log.topics[0] == transfer], orders_touched)
    tickets = _tickets(session, collections, touched)
    accounts = _accounts(session, {log.topics[2][12:] for log in seen if log.topics[0] == transfer})
    for log in seen:
        ticket = tickets.get((log.address, _token(log)))
        if ticket is None:
            continue
        if log.topics[0] == transfer:
            _moved(session, ticket, log, accounts)
        else:
            _status_changed(session, ticket, log)
    session.flush()
    for order_id in sorted(orders_touched):
        _fulfil(session, order_id, now)


def batches_settled(session: Session, network: str, seen: Sequence[Log], now: datetime) -> None:
    """BatchMinted and BatchCancelled are final: so are the batches, whatever our own transaction's fate."""
    collections = _ours(session, network, {log.address for log in seen})
    for log in seen:
        collection = collections.get(log.address)
        number = int.from_bytes(log.topics[1], "big")
        batch_id = collection and session.scalar(
            select(Batch.id).where(Batch.collection_id == collection.id, Batch.number == number)
        )
        batch = locked(session, Batch, batch_id) if batch_id else None
        if collection is None or batch is None:
            if collection is not None:
                _log.error("batch_without_a_row", collection="0x" + log.address.hex(), number=number)
            continue
        if log.topics[0] == abi.topic(_CONTRACT, "BatchCancelled"):
            cancel.done(session, batch)
        else:
            _batch_minted(session, batch, log, now)


def collections_deployed(session: Session, network: str, seen: Sequence[Log]) -> None:
    """Have a finally deployed collection of ours compared with what was signed, by whomever it was sent."""
    for log in seen:
        address = log.topics[1][12:]
        query = select(Collection).where(Collection.network == network, Collection.address == address).with_for_update()
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


def _batch_minted(session: Session, batch: Batch, log: Log, now: datetime) -> None:
    said = abi.decode_log(_CONTRACT, "BatchMinted", log.topics, log.data)
    if said["contentsHash"] != batch.contents_hash:
        minted.stuck(batch, f"the number was minted with other contents: 0x{said['contentsHash'].hex()}")
        return
    if batch.tx_hash is None:
        batch.tx_hash = log.tx_hash
    minted.final(session, batch.id, now)


def _ours(session: Session, network: str, addresses: set[bytes]) -> dict[bytes, Collection]:
    query = select(Collection).where(Collection.network == network, Collection.address.in_(addresses))
    return {found.address: found for found in session.scalars(query) if found.address is not None}


def _minted(
    session: Session, collections: dict[bytes, Collection], transfers: Sequence[Log], orders_touched: set[UUID]
) -> None:
    mints = [
        log
        for log in transfers
        # What was bought has no job: its purchase is settled by `bought`.
        if log.topics[1][12:] == ZERO_ADDRESS and log.address in collections and not is_bought(_token(log))
    ]
    wanted = {(collections[log.address].id, *batch_of(_token(log))) for log in mints}
    if not wanted:
        return
    query = (
        select(MintJob, Ticket, Batch.collection_id, Batch.number)
        .join(Batch, Batch.id == MintJob.batch_id)
        .join(Ticket, Ticket.id == MintJob.ticket_id)
        .where(tuple_(Batch.collection_id, Batch.number, MintJob.batch_index).in_(wanted))
        .order_by(MintJob.id)
        .with_for_update(of=[MintJob, Ticket])
        .execution_options(populate_existing=True)
    )
    for job, ticket, collection_id, number in session.execute(query):
        wanted.discard((collection_id, number, job.batch_index))
        assert job.batch_index is not None  # noqa: S101 - the query asked for it
        ticket.token_id = token_id(number, job.batch_index)
        if may_follow(JobStatus(job.status), JobStatus.FINAL):
            job.status = step(JobStatus(job.status), JobStatus.FINAL)
        if ticket.status == TicketStatus.PENDING:
            ticket.status = step(TicketStatus.PENDING, TicketStatus.LIVE)
        orders_touched.add(ticket.order_id)
    for collection_id, number, index in sorted(wanted, key=str):
        _log.error("mint_without_job", collection_id=str(collection_id), batch=number, index=index)
    session.flush()


def _tickets(
    session: Session, collections: dict[bytes, Collection], touched: set[tuple[bytes, int]]
) -> dict[tuple[bytes, int], Ticket]:
    by_id = {collection.id: address for address, collection in collections.items()}
    keys = [(collections[address].id, token) for address, token in touched if address in collections]
    if not keys:
        return {}
    query = (
        select(Ticket)
        .where(tuple_(Ticket.collection_id, Ticket.token_id).in_(keys))
        .order_by(Ticket.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {
        (by_id[ticket.collection_id], ticket.token_id): ticket
        for ticket in session.scalars(query)
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
    # The door may be ahead of the chain: what is USED here is not revived by an older log.
    if may_follow(TicketStatus(ticket.status), status):
        ticket.status = step(TicketStatus(ticket.status), status)
    status_changes.confirmed(session, ticket.id, status)


def _fulfil(session: Session, order_id: UUID, now: datetime) -> None:
    unfinished = select(MintJob.id).where(MintJob.order_id == order_id, MintJob.status != JobStatus.FINAL).limit(1)
    if session.scalar(unfinished) is None:
        orders.fulfilled(session, order_id, now)


def _token(log: Log) -> int:
    # Transfer carries the token in its third indexed place, StatusChanged in its first.
    return int.from_bytes(log.topics[-1], "big")
