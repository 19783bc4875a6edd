"""Orders over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response, status
from sqlalchemy import select

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.catalog.errors import SaleNotOpen, SalesSuspended, SoldOut, UnknownEvent, UnknownTier
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.idempotency import IdempotencyMismatch, KeyHeader
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.orders import admin_routes, close, pay, place, service
from backend.orders.access import SecretHeader, order_for, own_order
from backend.orders.errors import (
    EmailMissing,
    EmailNotForAccounts,
    NotCancellable,
    NotRefundable,
    NotSoldFor,
    OneTierPerQuote,
    OrderClosed,
    OrderDisputed,
    OrderUnknown,
    OverLimit,
    PaymentWindowOver,
    RefundFailedBefore,
    WalletMissing,
)
from backend.orders.models import Order, OrderStatus
from backend.orders.schemas import CancelOut, OrderIn, OrderOut, PaymentIn, PaymentOut, PlacedOut, RefundIn, payment_out
from backend.payments import service as payments
from backend.payments.errors import AlreadyPaid, CurrencyNotTaken, PaymentDisputed, PaymentOpen
from backend.payments.models import Payment
from backend.payments.port import ProviderRefused, ProviderUnavailable
from backend.payments.registry import UnknownProvider

router = APIRouter(tags=["orders"])

Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]
BuyerOrGuest = Annotated[Principal | None, allow(Role.GUEST, Role.FAN)]
Fan = Annotated[Principal, allow(Role.FAN)]
Admin = Annotated[Principal, allow(Role.ADMIN)]


@router.post(
    "/v1/orders",
    status_code=status.HTTP_201_CREATED,
    summary="Place an order",
    responses={
        200: {"model": PlacedOut, "description": "What an identical request with this Idempotency-Key made before"},
        **responses(
            Unauthenticated, UnknownEvent, UnknownTier, SoldOut, SaleNotOpen, SalesSuspended, OverLimit, EmailMissing,
            EmailNotForAccounts, IdempotencyMismatch, UnknownProvider, CurrencyNotTaken, NotSoldFor, WalletMissing,
            OneTierPerQuote,
        ),
    },
)  # fmt: skip
def place_order(
    body: OrderIn, key: KeyHeader, principal: Anyone, session: SessionDep, now: NowDep, response: Response
) -> PlacedOut:
    """Hold the seats of all lines, or of none, for some minutes.

    Signed in, the tickets will go to your wallet. As a guest give an e-mail address: the response carries a secret
    that opens the order, and the tickets wait for a claim code. With provider `crypto` and currency BNB or BKS your
    wallet pays on chain, by a quote, and gets the tickets in the same transaction.
    """
    buyer = place.Buyer.of(
        principal.account_id if principal is not None else None,
        principal.wallet if principal is not None else None,
        body.email,
    )
    wishes = [place.Wish(line.tier_id, line.quantity) for line in body.lines]
    order, is_new = place.place(session, buyer, body.event_id, wishes, body.provider, key, now, body.currency)
    if not is_new:
        response.status_code = status.HTTP_200_OK
    return PlacedOut(
        order=OrderOut.of(order, pay.latest(session, order.id)),
        # Again for a repeat, so that an answer lost on the way does not lose the order; never once it is paid.
        order_secret=place.guest_secret(order.id)
        if order.account_id is None and order.status == OrderStatus.AWAITING_PAYMENT
        else None,
    )


@router.get("/v1/orders", summary="My orders, newest first", responses=responses(Unauthenticated, BadCursor))
def list_orders(principal: Fan, session: SessionDep, page: PageParams) -> Page[OrderOut]:
    """List the orders of the signed-in account."""
    query = select(Order).where(Order.account_id == principal.account_id)
    orders, cursor = paginate(session, query, [Order.placed_at, Order.id], page, descending=True)
    return Page(items=[OrderOut.of(order, pay.latest(session, order.id)) for order in orders], next_cursor=cursor)


@router.get("/v1/orders/{order_id}", summary="One order", responses=responses(Unauthenticated, OrderUnknown))
def read_order(order_id: UUID, principal: BuyerOrGuest, session: SessionDep, secret: SecretHeader = None) -> OrderOut:
    """Show an order to its buyer (session or X-Order-Secret), to the event's promoter and to admins."""
    order = order_for(session, order_id, principal, secret)
    return OrderOut.of(order, pay.latest(session, order.id))


@router.post(
    "/v1/orders/{order_id}/payment",
    summary="Begin or go on with the payment",
    responses=responses(
        Unauthenticated, OrderUnknown, OrderClosed, PaymentWindowOver, PaymentOpen, AlreadyPaid, UnknownProvider,
        CurrencyNotTaken, ProviderRefused, ProviderUnavailable,
    ),
)  # fmt: skip
def begin_payment(
    order_id: UUID, body: PaymentIn, principal: BuyerOrGuest, now: NowDep, secret: SecretHeader = None
) -> PaymentOut:
    """Return where to pay. Asked again, it is the same place; after a declined attempt it is a new one.

    With provider `crypto` the place is this order's `quote`: what your wallet signs and sends.
    """
    # Three steps, because the provider is asked in the middle one and no transaction may wait for it.
    with unit_of_work() as session:
        order = own_order(session, order_id, principal, secret)
        payment_id = pay.payment_to_begin(session, order, body.provider, now)
    payments.begin(payment_id)
    with unit_of_work() as session:
        return payment_out(session.get_one(Payment, payment_id))


@router.post(
    "/v1/orders/{order_id}/cancel",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Cancel an unpaid order",
    responses=responses(Unauthenticated, OrderUnknown, NotCancellable),
)
def cancel_order(
    order_id: UUID, principal: BuyerOrGuest, session: SessionDep, now: NowDep, secret: SecretHeader = None
) -> CancelOut:
    """Give the seats back. An open payment is closed at its provider first; money that arrives before that wins."""
    order = own_order(session, order_id, principal, secret)
    close.cancel(session, order, now)
    return CancelOut(order_id=order.id, status=OrderStatus(order.status))


@router.post(
    "/v1/admin/orders/{order_id}/refund",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Give an order's money back",
    responses=responses(
        Unauthenticated, Forbidden, OrderUnknown, NotRefundable, RefundFailedBefore, OrderDisputed, PaymentDisputed
    ),
)
def refund_order(order_id: UUID, body: RefundIn, admin: Admin, session: SessionDep, now: NowDep) -> OrderOut:
    """Refund a paid or stuck order in full. Asked twice, the money goes back once.

    What was paid on chain has to be sent by a wallet: see `refund/transaction` of the order. A ticket that was used
    (`ticket_used`), or given or sold on (`ticket_moved`), stands in the way.
    """
    order = service.refund(session, order_id, body.reason, now, anyway=body.anyway)
    audit.record(session, admin.account_id, "order.refund", order_id, now, reason=body.reason, anyway=body.anyway)
    return OrderOut.of(order, pay.latest(session, order.id))


router.include_router(admin_routes.router)
