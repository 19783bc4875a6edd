"""What needs a person: payments, refunds and providers' messages that are STUCK. Looking and asking again, no more."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status
from sqlalchemy import select

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.payments import retry
from backend.payments.admin_schemas import DisputeShown, PaymentShown, ProviderEventShown, RefundShown
from backend.payments.errors import NotStuck, PaymentOpen, PaymentUnknown, ProviderEventUnknown, RefundUnknown
from backend.payments.models import (
    Dispute,
    DisputeStatus,
    Payment,
    PaymentStatus,
    ProviderEvent,
    ProviderEventStatus,
    Refund,
    RefundStatus,
)

router = APIRouter(prefix="/v1/admin", tags=["admin"])

Admin = Annotated[Principal, allow(Role.ADMIN)]
_ACCEPTED = status.HTTP_202_ACCEPTED


@router.get("/payments", summary="Payments", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_payments(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[PaymentStatus | None, Query(alias="status", description="Only those in this state")] = None,
    order_id: UUID | None = None,
) -> Page[PaymentShown]:
    """Return them oldest first."""
    query = select(Payment)
    for column, wanted in ((Payment.status, state), (Payment.reference_id, order_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    rows, next_cursor = paginate(session, query, [Payment.created_at, Payment.id], page)
    return Page(items=[PaymentShown.of(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/payments/{payment_id}/retry",
    status_code=_ACCEPTED,
    summary="Ask the provider about a stuck payment again",
    responses=responses(Unauthenticated, Forbidden, PaymentUnknown, NotStuck, PaymentOpen),
)
def retry_payment(payment_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> PaymentShown:
    """Judge what the provider has by the same rules as the first time. Takes no money and gives none back."""
    payment = retry.payment(session, payment_id)
    audit.record(session, admin.account_id, "payment.retry", payment_id, now)
    return PaymentShown.of(payment)


@router.get("/refunds", summary="Refunds", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_refunds(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[RefundStatus | None, Query(alias="status", description="Only those in this state")] = None,
    payment_id: UUID | None = None,
) -> Page[RefundShown]:
    """Return them oldest first."""
    query = select(Refund)
    for column, wanted in ((Refund.status, state), (Refund.payment_id, payment_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    rows, next_cursor = paginate(session, query, [Refund.created_at, Refund.id], page)
    return Page(items=[RefundShown.of(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/refunds/{refund_id}/retry",
    status_code=_ACCEPTED,
    summary="Ask the provider for a stuck refund again",
    responses=responses(Unauthenticated, Forbidden, RefundUnknown, NotStuck),
)
def retry_refund(refund_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> RefundShown:
    """Ask under the key of the first time, so that the provider pays it out once at most.

    One that a bank returned is refused (`refund_was_returned`): refund the order again, under another reason.
    """
    refund = retry.stuck_refund(session, refund_id)
    audit.record(session, admin.account_id, "refund.retry", refund_id, now)
    return RefundShown.of(refund)


@router.get("/disputes", summary="Disputes of payments", responses=responses(Unauthenticated, Forbidden, BadCursor))
def list_disputes(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[DisputeStatus | None, Query(alias="status", description="Only those in this state")] = None,
) -> Page[DisputeShown]:
    """Return them oldest first. Evidence goes to the provider: it has the form and the deadline."""
    query = select(Dispute) if state is None else select(Dispute).where(Dispute.status == state)
    rows, next_cursor = paginate(session, query, [Dispute.opened_at, Dispute.id], page)
    return Page(items=[DisputeShown.of(row) for row in rows], next_cursor=next_cursor)


@router.get(
    "/provider-events",
    summary="Messages of payment providers",
    responses=responses(Unauthenticated, Forbidden, BadCursor),
)
def list_provider_events(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[ProviderEventStatus | None, Query(alias="status", description="Only those in this state")] = None,
) -> Page[ProviderEventShown]:
    """Return them oldest first."""
    query = select(ProviderEvent)
    if state is not None:
        query = query.where(ProviderEvent.status == state)
    rows, next_cursor = paginate(session, query, [ProviderEvent.received_at, ProviderEvent.id], page)
    return Page(items=[ProviderEventShown.of(row) for row in rows], next_cursor=next_cursor)


@router.post(
    "/provider-events/{event_id}/retry",
    status_code=_ACCEPTED,
    summary="Act on a stuck message again",
    responses=responses(Unauthenticated, Forbidden, ProviderEventUnknown, NotStuck),
)
def retry_provider_event(event_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> ProviderEventShown:
    """Fetch again from the provider what it is about. The message itself is never believed."""
    event = retry.provider_event(session, event_id)
    audit.record(session, admin.account_id, "provider_event.retry", event_id, now)
    return ProviderEventShown.of(event)
