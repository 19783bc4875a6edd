"""Purchases by quote: a final TicketsBought log says who paid what for which tokens, and nothing else does.

The log's collection must be the one of the payment's own event: anybody may have a collection deployed, name a quote
signer of his own and emit any id he likes.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.accounts.models import Wallet
from backend.chain import abi
from backend.chain.onlog import Log
from backend.kit import logs as kit_logs
from backend.kit.db import locked
from backend.kit.ids import new_id
from backend.kit.money import Money
from backend.orders import service as orders
from backend.orders.errors import CannotHonour
from backend.orders.models import Order
from backend.payments import service as payments
from backend.payments.models import Payment
from backend.payments.providers.crypto import payment_of
from backend.payments.rules import ON_CHAIN
from backend.tickets.errors import PurchaseNotOpen, PurchaseUnknown
from backend.tickets.models import Collection, Holding, Purchase, Ticket
from backend.tickets.quote import quote_of
from backend.tickets.rules import ON_CHAIN_STATUS
from backend.tickets.states import Custody, PurchaseStatus, TicketStatus

_CONTRACT = "TicketCollection"
_log = kit_logs.get(__name__)


def purchases_settled(session: Session, network: str, seen: Sequence[Log], now: datetime) -> None:
    """Take final TicketsBought logs: their payments are paid, and what follows. Repeating it changes nothing."""
    addresses = {log.address for log in seen}
    query = select(Collection).where(Collection.network == network, Collection.address.in_(addresses))
    collections = {found.address: found for found in session.scalars(query)}
    for log in seen:
        collection = collections.get(log.address)
        if collection is not None:
            _settle(session, collection, log, now)


def purchase_of(session: Session, order: Order) -> Purchase | None:
    """Return the purchase on chain that paid the order; None for one paid in another way."""
    if order.payment_id is None:
        return None
    found = session.scalars(select(Purchase).where(Purchase.payment_id == order.payment_id)).one_or_none()
    if found is not None and found.status == PurchaseStatus.MISMATCH:
        # The order is paid all the same: a person decided so.
        _check_fits(session, order, found)
        found.status = PurchaseStatus.HONOURED
    return found


def _check_fits(session: Session, order: Order, purchase: Purchase) -> None:
    """Raise CannotHonour unless the purchase, odd as it is, has the order's tickets and brought its price."""
    [line] = order.lines
    collection = session.get_one(Collection, purchase.collection_id)
    asked = quote_of(session, order, session.get_one(Payment, order.payment_id), collection)
    got = (purchase.tier, purchase.quantity, purchase.currency, purchase.price)
    if got != (asked.tier, line.quantity, asked.currency, asked.price):
        raise CannotHonour(problem=f"the purchase differs from what was quoted: {purchase.problem}")


def place_unowned(session: Session, order_id: UUID, now: datetime) -> None:
    """Write tickets for the tokens of an order that never got any, so that they can be made void on chain."""
    order = session.get_one(Order, order_id)
    if len(order.lines) != 1:
        return
    mine = select(Payment.id).where(Payment.reference_id == order_id)
    for purchase in session.scalars(select(Purchase).where(Purchase.payment_id.in_(mine))).all():
        place(session, order, purchase, now)
        if purchase.status == PurchaseStatus.MISMATCH:
            purchase.status = PurchaseStatus.CLOSED


def close_unattributed(session: Session, purchase_id: UUID, reason: str) -> Purchase:
    """Note that a person has looked at a purchase that is nobody's. Twice is once.

    Raises PurchaseUnknown, PurchaseNotOpen.
    """
    purchase = locked(session, Purchase, purchase_id)
    if purchase is None:
        raise PurchaseUnknown
    if purchase.status not in {PurchaseStatus.UNATTRIBUTED, PurchaseStatus.CLOSED}:
        raise PurchaseNotOpen(status=purchase.status)
    if purchase.status == PurchaseStatus.UNATTRIBUTED:
        purchase.status, purchase.problem = PurchaseStatus.CLOSED, reason
        _log.warning("purchase_closed", purchase_id=str(purchase_id), reason=reason)
    session.flush()
    return purchase


def place(session: Session, order: Order, purchase: Purchase, now: datetime) -> None:
    """Write the tickets of a paid order with the tokens of its purchase: final, so the order is fulfilled."""
    [line] = order.lines
    held = _holdings(session, purchase)
    for unit in range(purchase.quantity):
        token = purchase.first_token_id + unit
        holding = held.get(token)
        session.execute(
            insert(Ticket)
            .values(
                id=new_id(),
                organisation_id=order.organisation_id,
                event_id=order.event_id,
                order_id=order.id,
                order_line_id=line.id,
                unit=unit,
                tier_id=line.tier_id,
                collection_id=purchase.collection_id,
                token_id=token,
                # Settled late, it may have moved or been used meanwhile.
                status=TicketStatus.LIVE if holding is None else ON_CHAIN_STATUS[holding.status],
                custody=Custody.WALLET,
                holder_account_id=order.account_id if holding is None else _account(session, holding.owner),
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=["order_line_id", "unit"])
        )
    orders.fulfilled(session, [order.id], now)


def _settle(session: Session, collection: Collection, log: Log, now: datetime) -> None:
    said = abi.decode_log(_CONTRACT, "TicketsBought", log.topics, log.data)
    payment, order = _payment(session, collection, said["quoteId"])
    wrong = [] if payment is None or order is None else quote_of(session, order, payment, collection).differences(said)
    if payment is None or order is None:
        status = PurchaseStatus.UNATTRIBUTED
    else:
        status = PurchaseStatus.MISMATCH if wrong else PurchaseStatus.SETTLED
    fresh = session.scalar(
        insert(Purchase)
        .values(
            id=new_id(),
            organisation_id=collection.organisation_id,
            collection_id=collection.id,
            quote_id=said["quoteId"],
            payment_id=payment.id if payment is not None else None,
            buyer=said["buyer"],
            first_token_id=said["firstTokenId"],
            tier=said["tier"],
            quantity=said["quantity"],
            currency=said["currency"],
            price=said["price"],
            fee=said["fee"],
            status=status,
            problem=", ".join(wrong) or None,
            tx_hash=log.tx_hash,
            settled_at=now,
        )
        .on_conflict_do_nothing(index_elements=["collection_id", "quote_id"])
        .returning(Purchase.id)
    )
    if fresh is None:
        return
    if status is not PurchaseStatus.SETTLED:
        _log.error("purchase_not_as_quoted", purchase_id=str(fresh), status=status.value, wrong=wrong)
    if payment is not None:
        paid = Money(said["price"], payment.currency) if status is PurchaseStatus.SETTLED else None
        payments.paid_on_chain(session, payment.id, paid, now)


def _payment(session: Session, collection: Collection, quote: bytes) -> tuple[Payment | None, Order | None]:
    """Return the payment that the quote names, and its order, if they are of this very collection's event."""
    payment_id: UUID | None = payment_of(quote)
    payment = session.get(Payment, payment_id) if payment_id is not None else None
    order = session.get(Order, payment.reference_id) if payment is not None and payment.provider == ON_CHAIN else None
    return (payment, order) if order is not None and order.event_id == collection.event_id else (None, None)


def _holdings(session: Session, purchase: Purchase) -> dict[int, Holding]:
    collection = session.get_one(Collection, purchase.collection_id)
    query = select(Holding).where(
        Holding.network == collection.network,
        Holding.collection == collection.address,
        Holding.token_id >= purchase.first_token_id,
        Holding.token_id < purchase.first_token_id + purchase.quantity,
        Holding.final,
    )
    return {row.token_id: row for row in session.scalars(query)}


def _account(session: Session, wallet: bytes) -> UUID | None:
    return session.scalar(select(Wallet.account_id).where(Wallet.address == wallet))
