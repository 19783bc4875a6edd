"""Refunds of orders paid on chain, over HTTP: asked for, prepared for a wallet, told when sent, or withdrawn."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, show_address
from backend.chain import currencies, registry
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.kit.units import Units
from backend.orders.access import SecretHeader, order_for
from backend.orders.errors import NotRefundable, NotWithdrawable, OrderUnknown, RefundFailedBefore
from backend.orders.schemas import RefundIn
from backend.tickets import payout_steps, payouts
from backend.tickets.errors import (
    NotPaidOnChain,
    NoWallet,
    PaymentNamedBefore,
    PayoutNotReady,
    PayoutUnclear,
    PayoutUnknown,
    PayoutWithAnother,
    TicketMoved,
    TicketUsed,
)
from backend.tickets.models import Payout
from backend.tickets.states import PayoutStatus

router = APIRouter(tags=["refunds"])

Payer = Annotated[Principal, allow(Role.PROMOTER, Role.ADMIN)]
Admin = Annotated[Principal, allow(Role.ADMIN)]
Buyer = Annotated[Principal | None, allow(Role.GUEST, Role.FAN)]
_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"
_HASH = "0x" + "9c" * 32
_ACCEPTED = status.HTTP_202_ACCEPTED


class SentIn(BaseModel):
    """Which transaction paid it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tx_hash": _HASH}]})

    tx_hash: str = Field(pattern=r"^0x[0-9a-fA-F]{64}$", description="What the wallet answered to eth_sendTransaction")


class OtherwiseIn(BaseModel):
    """How the buyer got the money, when no transaction that was prepared here paid it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "paid_by_the_promoters_multisig", "by": "organisation"}]},
    )

    reason: str = Field(pattern=r"^[a-z][a-z0-9_]{2,60}$", description="One short word, kept with the refund")
    by: str = Field(pattern=r"^(organisation|platform)$", description="Whose money it was, for the books")


class PayoutOut(BaseModel):
    """The refund of a purchase on chain."""

    id: UUID = Field(examples=[_ID])
    order_id: UUID = Field(examples=[_ID])
    refund_id: UUID = Field(examples=[_ID])
    status: PayoutStatus = Field(examples=["OWED"])
    since: datetime = Field(description="Since when it is in this status", examples=["2027-03-01T12:00:00Z"])
    problem: str | None = Field(description="What the last try stumbled over", examples=["not_this_payment"])
    payee: AddressText = Field(description="Who gets it: the wallet that paid")
    currency: str = Field(description="What was paid, and goes back", examples=["BKS"])
    amount: Units
    payer: AddressText | None = Field(description="The wallet that was given the transaction")
    tx_hash: str | None = Field(description="Named by the payer; believed when PAID", examples=[_HASH])

    @classmethod
    def of(cls, row: Payout) -> "PayoutOut":
        """Show a row."""
        return cls(
            id=row.id,
            order_id=row.order_id,
            refund_id=row.refund_id,
            status=PayoutStatus(row.status),
            since=row.status_since,
            problem=row.problem,
            payee=show_address(row.payee),
            currency=currencies.code_of(row.network, row.currency),
            amount=row.amount,
            payer=show_address(row.payer) if row.payer is not None else None,
            tx_hash="0x" + row.tx_hash.hex() if row.tx_hash is not None else None,
        )


class PayoutTransactionOut(BaseModel):
    """The refund and what a wallet signs to pay it."""

    refund: PayoutOut
    transaction: dict[str, str] = Field(
        description="For eth_sendTransaction, as it is: bytes and nonce are how it is told from any other",
        examples=[{"type": "0x2", "value": "0x0", "nonce": "0x7"}],
    )


@router.post(
    "/v1/orders/{order_id}/refund",
    status_code=_ACCEPTED,
    summary="Begin the refund of an order that was paid on chain",
    responses=responses(
        Unauthenticated, Forbidden, OrderUnknown, NotPaidOnChain, NotRefundable, RefundFailedBefore, TicketUsed,
        TicketMoved,
    ),
)  # fmt: skip
def begin_refund(order_id: UUID, body: RefundIn, principal: Payer, session: SessionDep, now: NowDep) -> PayoutOut:
    """Lock its tickets, here and on chain. Once final, `transaction` says what to sign. Asked twice, it is one."""
    return PayoutOut.of(payout_steps.begin(session, order_id, principal, body.reason, now))


@router.get(
    "/v1/orders/{order_id}/refund",
    summary="The refund of an order that was paid on chain",
    responses=responses(Unauthenticated, OrderUnknown, PayoutUnknown),
)
def read_refund(order_id: UUID, principal: Buyer, session: SessionDep, secret: SecretHeader = None) -> PayoutOut:
    """Show it to the order's buyer, to its promoter and to admins."""
    return PayoutOut.of(payouts.latest(session, order_for(session, order_id, principal, secret).id))


@router.post(
    "/v1/orders/{order_id}/refund/transaction",
    summary="The transaction that pays the refund, for your wallet",
    responses=responses(
        Unauthenticated, Forbidden, OrderUnknown, NoWallet, PayoutUnknown, PayoutNotReady, PayoutWithAnother,
        PayoutUnclear, CallWouldRevert, InsufficientFunds, ChainUnreachable,
    ),
)  # fmt: skip
def prepare_refund(order_id: UUID, principal: Payer, now: NowDep) -> PayoutTransactionOut:
    """Return the unsigned payment in the asset that was paid. Asked again, it has the same number: it is mined once."""
    if principal.wallet is None:
        raise NoWallet
    with unit_of_work() as session:
        ask = payout_steps.ask(session, order_id, principal)
    # No transaction is open here: the node may be elsewhere.
    offer = payout_steps.offer(registry.port(ask.network), ask)
    with unit_of_work() as session:
        payout = payout_steps.prepare(session, ask, offer, now)
        return PayoutTransactionOut(refund=PayoutOut.of(payout), transaction=offer.unsigned)


@router.post(
    "/v1/orders/{order_id}/refund/sent",
    status_code=_ACCEPTED,
    summary="Name the transaction that paid the refund",
    responses=responses(
        Unauthenticated, Forbidden, OrderUnknown, PayoutUnknown, PayoutNotReady, PaymentNamedBefore
    ),
)  # fmt: skip
def name_payment(order_id: UUID, body: SentIn, principal: Payer, session: SessionDep, now: NowDep) -> PayoutOut:
    """Have it read from the chain. Nothing is believed before it is final and is the very call that was prepared."""
    payout = payout_steps.locked_for(session, order_id, principal)
    return PayoutOut.of(payout_steps.name(session, payout, bytes.fromhex(body.tx_hash[2:]), now))


@router.post(
    "/v1/orders/{order_id}/refund/withdraw",
    summary="Withdraw a refund that no wallet was given yet",
    responses=responses(Unauthenticated, Forbidden, OrderUnknown, PayoutUnknown, PayoutNotReady, NotWithdrawable),
)
def withdraw_refund(order_id: UUID, principal: Payer, session: SessionDep, now: NowDep) -> PayoutOut:
    """Unlock the tickets: the order is what it was."""
    payout = payout_steps.locked_for(session, order_id, principal)
    return PayoutOut.of(payout_steps.withdraw(session, payout, now))


@router.post(
    "/v1/admin/orders/{order_id}/refund/paid-otherwise",
    summary="Close a refund that was paid in a way nobody here can read",
    responses=responses(Unauthenticated, Forbidden, OrderUnknown, PayoutUnknown, PayoutNotReady),
)
def paid_otherwise(order_id: UUID, body: OtherwiseIn, admin: Admin, session: SessionDep, now: NowDep) -> PayoutOut:
    """By a multisig, an exchange, in cash. A person's word, kept with the account that gave it."""
    payout = payout_steps.locked_for(session, order_id, admin)
    return PayoutOut.of(payout_steps.paid_otherwise(session, payout, admin.account_id, body.reason, body.by, now))


@router.get(
    "/v1/admin/refund-payouts",
    summary="Refunds of purchases on chain",
    responses=responses(Unauthenticated, Forbidden, BadCursor),
)
def list_payouts(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[PayoutStatus | None, Query(alias="status", description="Only those in this state")] = None,
) -> Page[PayoutOut]:
    """Return them oldest first."""
    query = select(Payout)
    if state is not None:
        query = query.where(Payout.status == state)
    rows, next_cursor = paginate(session, query, [Payout.created_at, Payout.id], page)
    return Page(items=[PayoutOut.of(row) for row in rows], next_cursor=next_cursor)
