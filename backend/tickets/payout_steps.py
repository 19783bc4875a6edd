"""What people do to a refund of a purchase on chain: begin it, have it prepared, name its transaction, withdraw it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.access import Principal
from backend.chain import unsigned
from backend.chain.port import ChainPort
from backend.kit import logs
from backend.kit.nudges import nudge
from backend.orders import service as orders
from backend.orders.errors import OrderUnknown
from backend.orders.models import Order
from backend.payments.models import Payment
from backend.payments.rules import ON_CHAIN
from backend.tickets import payout_rules, payouts
from backend.tickets.errors import (
    NotPaidOnChain,
    PaymentNamedBefore,
    PayoutNotReady,
    PayoutUnclear,
    PayoutWithAnother,
)
from backend.tickets.models import Payout
from backend.tickets.states import PayoutStatus

_log = logs.get(__name__)
_BY = {"organisation": "organisation:wallet", "platform": "platform:wallet"}
"""Whose wallet paid, as an account of the books."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A refund that a wallet is about to be given, taken out of the database so that the node can be asked."""

    payout_id: UUID
    refund_id: UUID
    network: str
    payer: bytes
    paid_from: str
    payee: bytes
    currency: bytes
    amount: int
    nonce: int | None
    """The number it was prepared with before."""
    data: bytes | None
    is_free: bool
    """Whether a payment of ours is known to have used that number up."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the wallet is given."""

    data: bytes
    nonce: int
    unsigned: dict[str, str]


def begin(session: Session, order_id: UUID, principal: Principal, reason: str, now: datetime) -> Payout:
    """Begin the refund and return it. Raises OrderUnknown, NotPaidOnChain and what `orders.service.refund` raises."""
    order = _managed(session, order_id, principal)
    payment = session.get(Payment, order.payment_id) if order.payment_id is not None else None
    if payment is None or payment.provider != ON_CHAIN:
        raise NotPaidOnChain
    orders.refund(session, order_id, reason, now)
    return payouts.latest(session, order_id)


def locked_for(session: Session, order_id: UUID, principal: Principal) -> Payout:
    """Return the order's refund, locked, if the caller manages it. Raises OrderUnknown, PayoutUnknown."""
    order = _managed(session, order_id, principal)
    return payouts.lock(session, payouts.latest(session, order.id).id)


def ask(session: Session, order_id: UUID, principal: Principal) -> Ask:
    """Return what the caller's wallet is to pay.

    Raises OrderUnknown, PayoutUnknown, PayoutNotReady, PayoutWithAnother.
    """
    payout = locked_for(session, order_id, principal)
    wallet = principal.wallet or b""
    _check_open(payout, wallet)
    owns = payout.organisation_id in principal.organisations
    return Ask(
        payout_id=payout.id,
        refund_id=payout.refund_id,
        network=payout.network,
        payer=wallet,
        paid_from=_BY["organisation" if owns else "platform"],
        payee=payout.payee,
        currency=payout.currency,
        amount=payout.amount,
        nonce=payout.nonce,
        data=payout.data,
        is_free=_is_used_by_ours(session, payout),
    )


def offer(port: ChainPort, asked: Ask) -> Offer:
    """Return the transaction, tried first. Asks the network.

    Raises PayoutUnclear, CallWouldRevert, InsufficientFunds.
    """
    nonce = asked.nonce
    if nonce is not None and port.nonce(asked.payer, "finalized") > nonce:
        if not asked.is_free:
            raise PayoutUnclear(nonce=nonce)
        nonce = None
    call = payout_rules.transfer(
        asked.refund_id,
        asked.currency,
        asked.payee,
        asked.amount,
        payee_has_code=bool(port.code_at(asked.payee)) if asked.data is None else not asked.data,
    )
    made = unsigned.transaction_for_wallet(port, asked.payer, call.to, call.data, call.value)
    if nonce is not None:
        made["nonce"] = hex(nonce)
    return Offer(call.data, int(made["nonce"], 16), made)


def prepare(session: Session, asked: Ask, made: Offer, now: datetime) -> Payout:
    """Write down what the wallet is given, before it is given it. Raises PayoutNotReady, PayoutWithAnother."""
    payout = payouts.lock(session, asked.payout_id)
    _check_open(payout, asked.payer)
    if payout.nonce not in {asked.nonce, made.nonce}:
        # Two of these were under way at once: the first one's number stands.
        raise PayoutNotReady(status=payout.status)
    payout.payer, payout.paid_from = asked.payer, asked.paid_from
    payout.data, payout.nonce = made.data, made.nonce
    if payout.status == PayoutStatus.OWED:
        payouts.move(payout, PayoutStatus.PREPARED, None, now)
    session.flush()
    return payout


def name(session: Session, payout: Payout, tx_hash: bytes, now: datetime) -> Payout:
    """Note which transaction is said to have paid the (locked) refund, and have it read.

    Raises PayoutNotReady, PaymentNamedBefore.
    """
    if payout.status == PayoutStatus.PAID and payout.tx_hash == tx_hash:
        return payout
    if payout.status not in {PayoutStatus.PREPARED, PayoutStatus.SENT}:
        raise PayoutNotReady(status=payout.status)
    query = select(Payout.id).where(Payout.network == payout.network, Payout.tx_hash == tx_hash, Payout.id != payout.id)
    if session.scalar(query) is not None:
        raise PaymentNamedBefore
    payout.tx_hash = tx_hash
    payouts.move(payout, PayoutStatus.SENT, None, now)
    session.flush()
    nudge(session, payouts.CHECK, payout.id)
    return payout


def withdraw(session: Session, payout: Payout, now: datetime) -> Payout:
    """Give the (locked) refund up. Raises PayoutNotReady once a wallet has been given it, NotWithdrawable."""
    if payout.status == PayoutStatus.WITHDRAWN:
        return payout
    if PayoutStatus.WITHDRAWN not in payout_rules.EDGES[PayoutStatus(payout.status)]:
        raise PayoutNotReady(status=payout.status)
    payouts.withdraw(session, payout, "withdrawn", now)
    return payout


def paid_otherwise(session: Session, payout: Payout, account_id: UUID, reason: str, by: str, now: datetime) -> Payout:
    """Take a person's word that the buyer has the money. Raises PayoutNotReady."""
    if payout.status == PayoutStatus.PAID:
        return payout
    if PayoutStatus.PAID not in payout_rules.EDGES[PayoutStatus(payout.status)]:
        raise PayoutNotReady(status=payout.status)
    payout.paid_from, payout.tx_hash = _BY[by], None
    payouts.paid(session, payout, now)
    payout.problem = f"paid_otherwise: {reason}, says {account_id}"
    _log.warning("payout_paid_otherwise", payout_id=str(payout.id), account_id=str(account_id), reason=reason, by=by)
    session.flush()
    return payout


def _managed(session: Session, order_id: UUID, principal: Principal) -> Order:
    order = session.get(Order, order_id)
    if order is None or not principal.manages(order.organisation_id):
        raise OrderUnknown
    return order


def _check_open(payout: Payout, wallet: bytes) -> None:
    if payout.status not in {PayoutStatus.OWED, PayoutStatus.PREPARED}:
        raise PayoutNotReady(status=payout.status)
    if payout.payer not in {None, wallet}:
        raise PayoutWithAnother


def _is_used_by_ours(session: Session, payout: Payout) -> bool:
    query = select(Payout.id).where(
        Payout.network == payout.network,
        Payout.payer == payout.payer,
        Payout.nonce == payout.nonce,
        Payout.status == PayoutStatus.PAID,
        Payout.id != payout.id,
    )
    return session.scalar(query.limit(1)) is not None
