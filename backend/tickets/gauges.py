"""Figures about minting, read when somebody asks for /metrics."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.kit import clock
from backend.kit.gauges import Reading, gauge
from backend.tickets.models import Batch, Claim, Collection, MinterFunds, MintJob, Payout, Purchase, StatusChange
from backend.tickets.states import (
    BatchStatus,
    ClaimStatus,
    CollectionStatus,
    JobStatus,
    PayoutStatus,
    PurchaseStatus,
    StatusChangeStatus,
)

_ENDED = (JobStatus.FINAL, JobStatus.REFUNDING)


def aged(oldest: Iterable[Any]) -> Reading:
    """Return the seconds since each state's earliest moment, of rows (state, moment)."""
    now = clock.now()
    return {(state,): max(0.0, (now - since).total_seconds()) for state, since in oldest}


@gauge(
    "minter_needed_wei",
    "What a minter must hold so that new sales go on: gas of all tickets owed and of a reserve",
    labels=("network", "address"),
)
def minter_needed(session: Session) -> Reading:
    """Read it as last worked out; the balance is chain_signer_balance_wei."""
    return {(row.network, "0x" + row.address.hex()): float(row.needed) for row in session.scalars(select(MinterFunds))}


@gauge(
    "sales_suspended_seconds",
    "Since when a minter keeps sales stopped: see /v1/admin/minters",
    labels=("network", "address"),
)
def sales_suspended(session: Session) -> Reading:
    """Age them; none while all minters are there and hold enough."""
    now = clock.now()
    rows = session.scalars(select(MinterFunds).where(MinterFunds.suspended_since.is_not(None)))
    return {
        (row.network, "0x" + row.address.hex()): (now - (row.suspended_since or now)).total_seconds() for row in rows
    }


@gauge("mint_jobs", "Mint jobs by state", labels=("state",))
def mint_jobs(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(MintJob.status, func.count()).group_by(MintJob.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in JobStatus}


@gauge("mint_job_oldest_seconds", "Age of the oldest mint job that is not final, by state", labels=("state",))
def oldest_mint_job(session: Session) -> Reading:
    """Age them: a flat queue shows here first."""
    query = select(MintJob.status, func.min(MintJob.created_at)).where(MintJob.status.not_in(_ENDED))
    return aged(session.execute(query.group_by(MintJob.status)))


@gauge("batches", "Batches by state", labels=("state",))
def batches(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(Batch.status, func.count()).group_by(Batch.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in BatchStatus}


@gauge("batch_oldest_seconds", "Age of the oldest batch that has not landed, by state", labels=("state",))
def oldest_batch(session: Session) -> Reading:
    """Age them."""
    settled = [BatchStatus.LANDED, BatchStatus.FINAL, BatchStatus.CANCELLED]
    query = select(Batch.status, func.min(Batch.created_at)).where(Batch.status.not_in(settled))
    return aged(session.execute(query.group_by(Batch.status)))


@gauge("collections", "Collections by state", labels=("state",))
def collections(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(Collection.status, func.count()).group_by(Collection.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in CollectionStatus}


@gauge("ticket_purchases", "Purchases by quote by state", labels=("state",))
def purchases(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(Purchase.status, func.count()).group_by(Purchase.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in PurchaseStatus}


@gauge("ticket_purchase_oldest_seconds", "Age of the oldest purchase that a person must look at", labels=("state",))
def oldest_purchase(session: Session) -> Reading:
    """Age them."""
    waiting = [PurchaseStatus.UNATTRIBUTED, PurchaseStatus.MISMATCH]
    query = select(Purchase.status, func.min(Purchase.settled_at)).where(Purchase.status.in_(waiting))
    return aged(session.execute(query.group_by(Purchase.status)))


@gauge("claims", "Claims by state", labels=("state",))
def claims(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(Claim.status, func.count()).group_by(Claim.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in ClaimStatus}


@gauge("claim_oldest_seconds", "Age of the oldest claim that is under way", labels=("state",))
def oldest_claim(session: Session) -> Reading:
    """Age them."""
    under_way = [ClaimStatus.PENDING, ClaimStatus.SENT]
    query = select(Claim.status, func.min(Claim.created_at)).where(Claim.status.in_(under_way))
    return aged(session.execute(query.group_by(Claim.status)))


@gauge("collections_metadata_changed", "Collections whose metadata is not what was signed")
def metadata_changed(session: Session) -> Reading:
    """Count them: the promoter pointed tickets that are sold, or for sale, at something else."""
    query = select(func.count()).select_from(Collection).where(Collection.base_uri.is_not(None))
    return {(): float(session.scalar(query) or 0)}


@gauge("collection_oldest_seconds", "Age of the oldest collection that is not live", labels=("state",))
def oldest_collection(session: Session) -> Reading:
    """Age them; a DRAFT waits for its promoter and nobody else."""
    settled = [CollectionStatus.LIVE, CollectionStatus.DRAFT]
    query = select(Collection.status, func.min(Collection.created_at)).where(Collection.status.not_in(settled))
    return aged(session.execute(query.group_by(Collection.status)))


@gauge("ticket_status_change_oldest_seconds", "Age of the oldest ticket status not on chain", labels=("state",))
def oldest_status_change(session: Session) -> Reading:
    """Age them: a ticket that is LOCKED or USED here and LIVE on chain can still be sold there."""
    query = select(StatusChange.status, func.min(StatusChange.created_at)).where(
        StatusChange.status != StatusChangeStatus.DONE
    )
    return aged(session.execute(query.group_by(StatusChange.status)))


@gauge("ticket_status_changes", "Ticket statuses on their way to the chain, by state", labels=("state",))
def status_changes(session: Session) -> Reading:
    """Count them."""
    query = select(StatusChange.status, func.count()).group_by(StatusChange.status)
    counted = dict(session.execute(query).all())
    return {(state.value,): float(counted.get(state, 0)) for state in StatusChangeStatus}


@gauge("refund_payouts", "Refunds of purchases on chain by state", labels=("state",))
def payouts(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(Payout.status, func.count()).group_by(Payout.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in PayoutStatus}


@gauge("refund_payout_oldest_seconds", "Age of the oldest refund on chain that waits for somebody", labels=("state",))
def oldest_payout(session: Session) -> Reading:
    """Age them by how long they stand where they are; what waits for a person most of all."""
    over = [PayoutStatus.PAID, PayoutStatus.WITHDRAWN]
    query = select(Payout.status, func.min(Payout.status_since)).where(Payout.status.not_in(over))
    return aged(session.execute(query.group_by(Payout.status)))
