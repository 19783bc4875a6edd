"""The worker's door: claims rows in short transactions, asks networks between them, and sweeps up lost nudges."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import outbox, registry
from backend.chain.models import ChainSend
from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work
from backend.settings import get_settings
from backend.tickets import (
    batches,
    cancel,
    claim_codes,
    deploy,
    disputes,
    effects,
    funds,
    keys,
    late,
    metadata,
    metadata_changes,
    minted,
    numbers,
    payout_check,
    payout_rules,
    payouts,
    receivers,
    status_changes,
)
from backend.tickets.ipfs import registry as stores
from backend.tickets.ipfs.port import WrongCid, check_cid
from backend.tickets.models import Batch, Collection, Payout, StatusChange
from backend.tickets.states import BatchStatus, CollectionStatus, StatusChangeStatus

_log = logs.get(__name__)
_LEASE_SECONDS = 120
_NOT_FINAL_YET = timedelta(seconds=2)


@jobs.task("tickets.close_batch")
def close_batch(collection_id: UUID) -> None:
    """Close the collection's next batches, as many as it is time for."""
    while _close_next(collection_id):
        pass


@jobs.task("tickets.ask_chain")
def ask_chain(batch_id: UUID) -> None:
    """Ask the chain for a batch number of unclear fate, or that a person doubts, and act on the answer."""
    with unit_of_work() as session:
        batch = jobs.claim(session, Batch, batch_id, clock.now(), _LEASE_SECONDS, minted.IN_DOUBT)
        if batch is None:
            return
        lease, send_id, number = batch.lease_id, batch.send_id, batch.number
        is_landed = batch.status == BatchStatus.LANDED
        collection = session.get_one(Collection, batch.collection_id)
        network, address = collection.network, collection.address
    try:
        answer = numbers.ask(registry.port(network), address or b"", number, for_good=is_landed)
        with unit_of_work() as session:
            outbox.lock_all(session, batches.MINT, batch_id)
            is_clear = answer.is_unused or answer.consumed is not None
            if send_id is not None and is_clear:
                outbox.settle_unknown(session, send_id, not answer.is_unused, clock.now())
            mine = jobs.held(session, Batch, batch_id, lease)
            reason = mine.last_error
            jobs.release(mine)
            if mine.status == BatchStatus.LANDED:
                minted.doubted(session, mine, answer, clock.now())
            elif is_clear:
                minted.answered(session, mine, answer.consumed or answer.newest, clock.now())
            else:
                # Consumed in a block that may still be undone, and nothing of ours would notice: ask again.
                mine.last_error, mine.run_after = reason, clock.now() + _NOT_FINAL_YET
    except jobs.LeaseLost:
        _log.info("batch_taken_over", batch_id=str(batch_id))
    except Exception as error:
        with unit_of_work() as session:
            jobs.retry_later(jobs.held(session, Batch, batch_id, lease), clock.now(), error)
        raise


@jobs.task("tickets.deploy_collection")
def deploy_collection(collection_id: UUID) -> None:
    """Pin the metadata, then ask for the deployment."""
    with unit_of_work() as session:
        collection = _claim(session, collection_id, CollectionStatus.CONSENTED)
        if collection is None:
            return
        lease, files, cid = collection.lease_id, metadata.as_bytes(collection.metadata_files), collection.metadata_cid
    try:
        _pin(files, cid)
        with unit_of_work() as session:
            mine = jobs.held(session, Collection, collection_id, lease)
            jobs.release(mine)
            deploy.deploy(session, mine, clock.now())
    except Exception as error:
        _collection_failed(collection_id, lease, error)
        raise


@jobs.task("tickets.ask_deployment")
def ask_deployment(collection_id: UUID) -> None:
    """Ask whether a collection of unclear fate stands at its address."""
    with unit_of_work() as session:
        collection = _claim(session, collection_id, CollectionStatus.UNKNOWN)
        if collection is None:
            return
        lease, network, address = collection.lease_id, collection.network, collection.address or b""
        latest = outbox.find(session, deploy.DEPLOY, collection_id)
        send_id = latest.id if latest else None
    try:
        port = registry.port(network)
        is_there, is_final = bool(port.code_at(address)), bool(port.code_at(address, "finalized"))
        with unit_of_work() as session:
            if send_id is not None and is_there == is_final:
                outbox.settle_unknown(session, send_id, is_final, clock.now())
            mine = jobs.held(session, Collection, collection_id, lease)
            reason = mine.last_error
            jobs.release(mine)
            mine.last_error = reason
            deploy.answered(session, mine, is_there=is_there, is_final=is_final)
    except Exception as error:
        _collection_failed(collection_id, lease, error)
        raise


@jobs.task("tickets.verify_collection")
def verify_collection(collection_id: UUID) -> None:
    """Compare a deployed collection with what was signed."""
    with unit_of_work() as session:
        collection = _claim(session, collection_id, CollectionStatus.DEPLOYED, CollectionStatus.MISMATCH)
        if collection is None:
            return
        lease, expected = collection.lease_id, deploy.signed(collection)
    try:
        wrong = deploy.mismatches(registry.port(expected.network), expected)
        with unit_of_work() as session:
            mine = jobs.held(session, Collection, collection_id, lease)
            jobs.release(mine)
            deploy.verified(session, mine, wrong, clock.now())
    except Exception as error:
        _collection_failed(collection_id, lease, error)
        raise


@jobs.task("tickets.ask_effect")
def ask_effect(send_id: UUID) -> None:
    """Ask the chain whether a claim, a status or a cancellation of unclear fate has happened."""
    with unit_of_work() as session:
        send = session.get(ChainSend, send_id)
        if send is None or send.status != "UNKNOWN":
            return
        asked, network = effects.question(session, send), send.network
    seen = effects.look(registry.port(network), asked)
    if seen is not effects.Effect.PENDING:
        with unit_of_work() as session:
            outbox.settle_unknown(session, send_id, seen is effects.Effect.FINAL, clock.now())


@jobs.task("tickets.send_status")
def send_status(change_id: UUID) -> None:
    """Send a status that waited for its ticket's mint."""
    with unit_of_work() as session:
        waiting = StatusChange.status == StatusChangeStatus.WAITING
        change = jobs.claim(session, StatusChange, change_id, clock.now(), _LEASE_SECONDS, waiting)
        if change is not None:
            status_changes.send(session, change, clock.now())


@jobs.task(payouts.CHECK)
def check_payout(payout_id: UUID) -> None:
    """Look at a refund that a wallet pays: at its tickets' lock, or at its transaction."""
    payout_check.check(payout_id)


@jobs.task("tickets.payouts_of")
def check_payouts_of(ticket_id: UUID) -> None:
    """Look at the refund that waits for the ticket's lock, now that it is final."""
    with unit_of_work() as session:
        waiting = payout_check.of_ticket(session, ticket_id)
        for payout_id in waiting:
            payouts.lock(session, payout_id).run_after = None
    jobs.swept(waiting, check_payout)


@jobs.every(seconds=1)
@jobs.task("tickets.sweep_queue")
def sweep_queue() -> None:
    """Close batches whose time has come: the wait of `batch_wait_seconds` ends without anybody nudging."""
    with unit_of_work() as session:
        waiting = batches.collections_with_queue(session)
    jobs.swept(waiting, close_batch)


@jobs.task("tickets.read_metadata")
def read_metadata(collection_id: UUID) -> None:
    """Ask the chain where a collection's metadata is, and whether it is frozen."""
    with unit_of_work() as session:
        collection = session.get_one(Collection, collection_id)
        network, address, marks = collection.network, collection.address or b"", collection.metadata_marks
    base_uri, is_frozen = metadata_changes.read(registry.port(network), address)
    with unit_of_work() as session:
        metadata_changes.found(session, collection_id, marks, base_uri, is_frozen=is_frozen)


@jobs.task("tickets.follow_keys")
def follow_keys(collection_id: UUID) -> None:
    """Have a collection's unfinished sends signed by the keys it has now."""
    with unit_of_work() as session:
        keys.follow(session, collection_id, clock.now())


@jobs.every(seconds=15)
@jobs.task("tickets.check_funds")
def check_funds() -> None:
    """Stop new sales while a minter could not pay for their mints; take them up again when it can."""
    funds.check()


@jobs.every(seconds=10)
@jobs.task("tickets.sweep")
def sweep() -> None:
    """Find everything whose nudge was lost."""
    now = clock.now()
    with unit_of_work() as session:
        cancel.mirror_waiting(session)
        claim_codes.forget_attempts(session, now)
        unknown = jobs.due(session, Batch, now, minted.IN_DOUBT)
        consented = jobs.due(session, Collection, now, Collection.status == CollectionStatus.CONSENTED)
        unclear = jobs.due(session, Collection, now, Collection.status == CollectionStatus.UNKNOWN)
        deployed = jobs.due(session, Collection, now, Collection.status == CollectionStatus.DEPLOYED)
        statuses = jobs.due(session, StatusChange, now, StatusChange.status == StatusChangeStatus.WAITING)
        payable = jobs.due(session, Payout, now, Payout.status.in_(payout_rules.UNDER_WAY))
        strangers = keys.behind(session)
        for order_id in disputes.sold_while_locked(session):
            disputes.release_sold(session, order_id, now)
        sends = effects.unclear(session)
        unread = metadata_changes.unread(session)
    with unit_of_work() as session:
        # Their own transaction: sends are locked before batches, and the one above has locked those.
        effects.settle_overtaken(session, now)
    with unit_of_work() as session:
        # Its own transaction: orders are locked before batches, and the one above has locked those.
        late.tell_orders(session, now)
    jobs.swept(unknown, ask_chain)
    jobs.swept(consented, deploy_collection)
    jobs.swept(unclear, ask_deployment)
    jobs.swept(deployed, verify_collection)
    jobs.swept(statuses, send_status)
    jobs.swept(payable, check_payout)
    jobs.swept(sends, ask_effect)
    jobs.swept(unread, read_metadata)
    jobs.swept(strangers, follow_keys)


def _close_next(collection_id: UUID) -> bool:
    settings = get_settings()
    limit = settings.batches_in_flight
    with unit_of_work() as session:
        gathered = batches.gather(
            session,
            collection_id,
            clock.now(),
            size=settings.batch_size,
            wait_seconds=settings.batch_wait_seconds,
            limit=limit,
        )
    if gathered is None:
        return False
    # Mostly it is the beat that gets here: what follows belongs to the request that paid, not to its tick.
    with logs.trace(gathered.trace_id):
        refused = receivers.refused(registry.port(gathered.network), gathered.collection, gathered.recipients)
        with unit_of_work() as session:
            closed = batches.close(
                session,
                collection_id,
                gathered.job_ids,
                refused,
                clock.now(),
                is_full=gathered.is_full,
                limit=limit,
            )
    return closed is not None and gathered.is_full


def _pin(files: dict[str, bytes], signed_cid: str) -> None:
    store = stores.store()
    if check_cid(files, store.pin(files), store.name) != signed_cid:
        raise WrongCid(f"the metadata is not what was signed as {signed_cid}")


def _claim(session: Session, collection_id: UUID, *statuses: CollectionStatus) -> Collection | None:
    where = Collection.status.in_(statuses)
    return jobs.claim(session, Collection, collection_id, clock.now(), _LEASE_SECONDS, where)


def _collection_failed(collection_id: UUID, lease: UUID | None, error: Exception) -> None:
    with unit_of_work() as session:
        query = (
            select(Collection)
            .where(Collection.id == collection_id, Collection.lease_id == lease)
            .with_for_update(key_share=True)
        )
        mine = session.scalars(query).one_or_none()
        if mine is not None:
            jobs.retry_later(mine, clock.now(), error)
