"""What an order's money looks like in the ledger. Debits are positive; each journal sums to zero.

`provider:<name>:receivable` is what a payment provider owes us; `provider:crypto:collection` is what lies in the
events' collections on chain, theirs to withdraw. `buyer:unsettled` is money that arrived for an order
that could not take it (late, or twice) until it is a ticket or has gone back.

What was paid on chain goes back from a wallet (`organisation:wallet`, `platform:wallet`), not out of the collection:
what lies there stays, the organisation's part and the platform's. That an organisation's wallet paid the platform's fee
back as well, its journal shows: `platform:fee` falls, and the wallet has paid the whole price.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit.money import Money
from backend.ledger import service as ledger
from backend.ledger.models import Journal
from backend.orders import fees
from backend.orders.models import Order, OrderStatus
from backend.payments.models import Dispute, Payment, Refund
from backend.payments.rules import ON_CHAIN

Entry = tuple[str, Money]

REVENUE = "organisation:revenue"
FEE = "platform:fee"
UNSETTLED = "buyer:unsettled"
CHARGEBACKS = "platform:chargebacks"
_REFUNDED = "order_refunded"
_RETURNED = "order_refund_returned"


def receivable(provider: str) -> str:
    """Return the account of the money that `provider` has taken: it owes it to us, or it lies in a collection."""
    return f"provider:{provider}:{'collection' if provider == ON_CHAIN else 'receivable'}"


def _earned(order: Order) -> list[Entry]:
    share, fee = fees.split(Money(order.total_minor, order.currency), order.fee_bps)
    return [(REVENUE, -share), (FEE, -fee)]


def _post(session: Session, order: Order, kind: str, reference: UUID, entries: list[Entry], now: datetime) -> None:
    present = [(account, amount) for account, amount in entries if amount.amount]
    ledger.post(session, order.organisation_id, kind, reference, present, now)


def settled(session: Session, order: Order, payment: Payment, now: datetime) -> None:
    """Post that the payment settled the order: the provider owes us, the organisation and the platform earned."""
    _post(
        session, order, "order_paid", payment.id, [(receivable(payment.provider), payment.amount), *_earned(order)], now
    )


def set_aside(session: Session, order: Order, payment: Payment, now: datetime) -> None:
    """Post money that the order cannot take as it stands."""
    entries = [(receivable(payment.provider), payment.amount), (UNSETTLED, -payment.amount)]
    _post(session, order, "order_paid_unsettled", payment.id, entries, now)


def settled_late(session: Session, order: Order, payment: Payment, now: datetime) -> None:
    """Post that money set aside has become tickets after all."""
    _post(session, order, "order_paid", payment.id, [(UNSETTLED, payment.amount), *_earned(order)], now)


def refunded_unsettled(session: Session, order: Order, payment: Payment, refund: Refund, now: datetime) -> None:
    """Post that money set aside has gone back."""
    entries = [(UNSETTLED, payment.amount), (_source(payment, refund), -payment.amount)]
    _post(session, order, _REFUNDED, refund.id, entries, now)


def refunded(session: Session, order: Order, payment: Payment, refund: Refund, now: datetime) -> None:
    """Post that the whole order has gone back: the reverse of `settled`, to the unit."""
    taken_back = [(account, -amount) for account, amount in _earned(order)]
    entries = [*taken_back, (_source(payment, refund), -payment.amount)]
    _post(session, order, _REFUNDED, refund.id, entries, now)


def _source(payment: Payment, refund: Refund) -> str:
    """Return the account whose money went back: a wallet's, or what the provider owes us."""
    return refund.paid_from or receivable(payment.provider)


def disputed_away(session: Session, order: Order, payment: Payment, dispute: Dispute, now: datetime) -> None:
    """Post that a bank took disputed money back: out of what the order earned, else at the platform's cost.

    Nothing is posted while a dispute is open: whether the provider keeps the money meanwhile changes nobody's due. Its
    own fee for the dispute is in its statement, not here.
    """
    gone = (receivable(payment.provider), -dispute.amount)
    if dispute.amount == payment.amount and order.status == OrderStatus.DISPUTED and payment.id == order.payment_id:
        entries = [*[(account, -amount) for account, amount in _earned(order)], gone]
    else:
        entries = [(CHARGEBACKS, dispute.amount), gone]
    _post(session, order, "order_disputed_away", dispute.id, entries, now)


def refund_returned(session: Session, order: Order, refund_id: UUID, now: datetime) -> None:
    """Post the reverse of a refund that came back from the bank. One that was never posted changes nothing."""
    posted = session.scalars(
        select(Journal).where(Journal.kind == _REFUNDED, Journal.reference == refund_id)
    ).one_or_none()
    if posted is not None:
        entries = [(entry.account, -entry.money) for entry in posted.entries]
        _post(session, order, _RETURNED, refund_id, entries, now)


def was_returned(session: Session, refund_id: UUID) -> bool:
    """Tell whether the refund had gone out and come back from the bank."""
    query = select(Journal.id).where(Journal.kind == _RETURNED, Journal.reference == refund_id)
    return session.scalar(query) is not None
