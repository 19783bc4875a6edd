"""Figures about minting, read when somebody asks for /metrics."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.kit import clock
from backend.kit.gauges import Reading, gauge
from backend.tickets.models import Batch, Claim, Collection, MintJob, Purchase, StatusChange
from backend.tickets.states import (
    BatchStatus,
    ClaimStatus,
    CollectionStatus,
    JobStatus,
    PurchaseStatus,
    StatusChangeStatus,
)

_ENDED = (JobStatus.FINAL, JobStatus.REFUNDING)


@gauge("mint_jobs", "Mint jobs by state", labels=("state",))
def mint_jobs(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(MintJob.status, func.count()).group_by(MintJob.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in JobStatus}


@gauge("mint_job_oldest_seconds", "Age of the oldest mint job that is not final, by state", labels=("state",))
def oldest_mint_job(session: Session) -> Reading:
    """Age them: a flat queue shows here first."""
    query = select(MintJob.status, func.min(MintJob.created_at)).where(MintJob.status.not_in(_ENDED))
    oldest = session.execute(query.group_by(MintJob.status))
    now = clock.now()
    return {(state,): max(0.0, (now - since).total_seconds()) for state, since in oldest}


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
    now = clock.now()
    oldest = session.execute(query.group_by(Batch.status))
    return {(state,): max(0.0, (now - since).total_seconds()) for state, since in oldest}


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
    query = select(Purchase.status, func.min(Purchase.settled_at)).where(Purchase.status != PurchaseStatus.SETTLED)
    now = clock.now()
    oldest = session.execute(query.group_by(Purchase.status))
    return {(state,): max(0.0, (now - since).total_seconds()) for state, since in oldest}


@gauge("claims", "Claims by state", labels=("state",))
def claims(session: Session) -> Reading:
    """Count them."""
    counted = dict(session.execute(select(Claim.status, func.count()).group_by(Claim.status)).all())
    return {(state.value,): float(counted.get(state, 0)) for state in ClaimStatus}


@gauge("ticket_status_changes", "Ticket statuses on their way to the chain, by state", labels=("state",))
def status_changes(session: Session) -> Reading:
    """Count them."""
    query = select(StatusChange.status, func.count()).group_by(StatusChange.status)
    counted = dict(session.execute(query).all())
    return {(state.value,): float(counted.get(state, 0)) for state in StatusChangeStatus}
