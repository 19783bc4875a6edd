"""Minting and contracts over HTTP, for admins."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import show_address
from backend.chain import abi, registry, unsigned
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.settings import get_settings
from backend.tickets import cancel, deploy, requeue
from backend.tickets.admin_schemas import (
    SCOPE_BITS,
    BatchOut,
    ContractOut,
    MintJobOut,
    PauseIn,
    RoleOut,
)
from backend.tickets.errors import BatchUnknown, CollectionUnknown, MintJobUnknown, NotStuck
from backend.tickets.models import Batch, Collection, MintJob
from backend.tickets.schemas import TransactionOut
from backend.tickets.states import BatchStatus, CollectionStatus, JobStatus

router = APIRouter(prefix="/v1/admin", tags=["admin"])

Admin = Annotated[Principal, allow(Role.ADMIN)]
OlderThan = Annotated[int | None, Query(ge=0, le=10**9, alias="older_than_seconds", description="At least so old")]
_ROLES = {
    "owner": "promoter",
    "minter": "minter",
    "claimSigner": "claimSigner",
    "operator": "operator",
    "guardian": "guardian",
}
"""Getter on chain -> field of the signed parameters."""


@router.get("/mint-jobs", summary="Mint jobs", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_mint_jobs(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    now: NowDep,
    state: Annotated[JobStatus | None, Query(alias="status", description="Only those in this state")] = None,
    order_id: UUID | None = None,
    batch_id: UUID | None = None,
    collection_id: UUID | None = None,
    older_than: OlderThan = None,
) -> Page[MintJobOut]:
    """Return them oldest first."""
    query = select(MintJob)
    for column, wanted in (
        (MintJob.status, state),
        (MintJob.order_id, order_id),
        (MintJob.batch_id, batch_id),
        (MintJob.collection_id, collection_id),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if older_than is not None:
        query = query.where(MintJob.created_at <= now - timedelta(seconds=older_than))
    rows, next_cursor = paginate(session, query, [MintJob.created_at, MintJob.id], page)
    return Page(items=[MintJobOut.of(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/mint-jobs/{job_id}/retry",
    summary="Queue a stuck mint job again",
    responses=responses(Unauthenticated, Forbidden, MintJobUnknown, NotStuck),
)
def retry_mint_job(job_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> MintJobOut:
    """Only one that is in no batch: one in a batch follows its batch."""
    job = requeue.requeue(session, job_id)
    audit.record(session, admin.account_id, "mint_job.retry", job_id, now)
    return MintJobOut.of(job)


@router.get("/batches", summary="Batches", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_batches(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    now: NowDep,
    state: Annotated[BatchStatus | None, Query(alias="status", description="Only those in this state")] = None,
    collection_id: UUID | None = None,
    older_than: OlderThan = None,
) -> Page[BatchOut]:
    """Return them oldest first. How each is doing on chain: GET /v1/admin/sends?subject_id= the batch's id."""
    query = select(Batch)
    for column, wanted in ((Batch.status, state), (Batch.collection_id, collection_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    if older_than is not None:
        query = query.where(Batch.created_at <= now - timedelta(seconds=older_than))
    rows, next_cursor = paginate(session, query, [Batch.created_at, Batch.id], page)
    return Page(items=[BatchOut.of(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/batches/{batch_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a batch again: same number, same contents",
    responses=responses(Unauthenticated, Forbidden, BatchUnknown, cancel.CannotRetry),
)
def retry_batch(batch_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> BatchOut:
    """Send the same contents under the same number; a stuck one's number is looked up on chain first."""
    before = _status(session, batch_id)
    batch = cancel.retry(session, batch_id)
    audit.record(session, admin.account_id, "batch.retry", batch_id, now, was=before)
    return BatchOut.of(batch)


@router.post(
    "/batches/{batch_id}/cancel",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Give a batch up: its number is consumed on chain",
    responses=responses(Unauthenticated, Forbidden, BatchUnknown, cancel.CannotCancel),
)
def cancel_batch(batch_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> BatchOut:
    """Its jobs are queued again when the cancellation is final, and not before."""
    before = _status(session, batch_id)
    batch = cancel.ask(session, batch_id, now)
    audit.record(session, admin.account_id, "batch.cancel", batch_id, now, was=before)
    return BatchOut.of(batch)


@router.get(
    "/contracts",
    summary="Collections with their roles, read from the chain",
    responses=responses(Unauthenticated, Forbidden, BadCursor, ChainUnreachable),
)
def list_contracts(_principal: Admin, page: PageParams) -> Page[ContractOut]:
    """Return each collection's roles as signed and as the chain says now."""
    standing = [CollectionStatus.LIVE, CollectionStatus.MISMATCH]
    with unit_of_work() as session:
        query = select(Collection).where(Collection.status.in_(standing))
        rows, next_cursor = paginate(session, query, [Collection.created_at, Collection.id], page)
    return Page(items=[_contract(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/contracts/{address}/pause",
    summary="Pause or resume: the transaction for the guardian's wallet",
    responses=responses(
        Unauthenticated, Forbidden, CollectionUnknown, CallWouldRevert, InsufficientFunds, ChainUnreachable
    ),
)
def pause_contract(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")], body: PauseIn, _principal: Admin
) -> TransactionOut:
    """Return an unsigned setPaused. The list replaces what is paused; refunds and the door are never paused."""
    wanted = bytes.fromhex(address[2:])
    network = get_settings().evm_network
    with unit_of_work() as session:
        query = select(Collection).where(Collection.network == network, Collection.address == wanted)
        found = session.scalars(query).one_or_none()
    if found is None or found.address is None:
        raise CollectionUnknown
    port = registry.port(network)
    guardian = deploy.read_roles(port, found.address)["guardian"]
    bits = sum(SCOPE_BITS[scope] for scope in set(body.scopes))
    data = abi.encode_call("TicketCollection", "setPaused", [bits])
    return TransactionOut(transaction=unsigned.transaction_for_wallet(port, guardian, found.address, data))


def _status(session: Session, batch_id: UUID) -> str:
    """Return what the batch is before somebody acts on it. Raises BatchUnknown."""
    batch = session.get(Batch, batch_id)
    if batch is None:
        raise BatchUnknown
    return batch.status


def _contract(row: Collection) -> ContractOut:
    assert row.address is not None  # noqa: S101 - collections that stand on chain have one
    said = deploy.read_roles(registry.port(row.network), row.address)
    signed = deploy.params_of(row)
    return ContractOut(
        collection_id=row.id,
        event_id=row.event_id,
        network=row.network,
        address=show_address(row.address),
        status=CollectionStatus(row.status),
        paused=[scope for scope, bit in SCOPE_BITS.items() if said["paused"] & bit],
        minter_allowance=said["minterAllowance"],
        roles=[
            RoleOut(
                role=getter,
                signed=show_address(signed[field]),
                on_chain=show_address(said[getter]),
                is_equal=signed[field] == said[getter],
            )
            for getter, field in _ROLES.items()
        ],
    )
