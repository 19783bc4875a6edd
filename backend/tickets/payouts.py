"""Refunds of purchases on chain: the tickets are locked, a wallet sends the money, the chain says so, they are void.

The money lies in the promoter's collection or went to its treasury, and we hold a key to neither. So the promoter's
wallet (or the platform's) sends it, in the asset that was paid, to the wallet that paid: docs/decisions/0012.

A payout is the work of its own task and is locked first, before payments, orders and tickets
(docs/decisions/0008-lock-order.md).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain.port import ReceiptLog, SentTransaction
from backend.kit import jobs, logs
from backend.kit.db import locked
from backend.kit.nudges import nudge
from backend.orders import refund as order_refunds
from backend.orders.models import Order
from backend.payments import service as payments
from backend.tickets import bought, locks, payout_rules, service, status_changes
from backend.tickets.errors import PayoutUnknown, TicketMoved, TicketUsed
from backend.tickets.models import Collection, Payout, StatusChange, Ticket, TokenMovement
from backend.tickets.payout_rules import Prepared, Verdict
from backend.tickets.states import PayoutStatus, StatusChangeStatus, TicketStatus

CHECK = "tickets.check_payout"
_STAYED = ("MINT", "CLAIM", "STATUS", "BURN")
_log = logs.get(__name__)


def begin(session: Session, order: Order, refund_id: UUID, now: datetime) -> None:
    """Lock the tickets of an order that was paid on chain, and write down who gets how much back.

    Raises TicketUsed, TicketMoved: then nothing of it happens.
    """
    purchase = bought.purchase_of(session, order)
    if purchase is None:
        raise LookupError(f"order {order.id} was not paid on chain")
    # Rows of tickets that an order never got, because it was STUCK: their tokens exist all the same.
    bought.place(session, order, purchase, now)
    rows = [ticket for ticket, _ in locks.tickets(session, Ticket.order_id == order.id)]
    check_given_back(session, rows)
    for ticket in rows:
        status_changes.want(session, ticket, TicketStatus.LOCKED, now)
    payout = Payout(
        organisation_id=order.organisation_id,
        refund_id=refund_id,
        order_id=order.id,
        network=session.get_one(Collection, purchase.collection_id).network,
        payee=purchase.buyer,
        currency=purchase.currency,
        amount=purchase.price,
        status=PayoutStatus.LOCKING,
        status_since=now,
        created_at=now,
    )
    session.add(payout)
    session.flush()
    nudge(session, CHECK, payout.id)


def check_given_back(session: Session, rows: list[Ticket], *, anyway: bool = False) -> None:
    """Raise TicketUsed (unless `anyway`) or TicketMoved if a (locked) ticket is not its buyer's to give back."""
    for ticket in rows:
        holding = service.holding_of(session, ticket.id)
        if not anyway and TicketStatus.USED in {ticket.status, holding.status if holding is not None else None}:
            raise TicketUsed(ticket_id=str(ticket.id))
        if has_moved(session, ticket):
            raise TicketMoved(ticket_id=str(ticket.id))


def has_moved(session: Session, ticket: Ticket) -> bool:
    """Tell whether the ticket was given or sold on since it was minted (or claimed)."""
    holding = service.holding_of(session, ticket.id)
    if holding is None:
        return False
    query = select(TokenMovement.kind).where(
        TokenMovement.network == holding.network,
        TokenMovement.collection == holding.collection,
        TokenMovement.token_id == holding.token_id,
        TokenMovement.kind.not_in(_STAYED),
    )
    return session.scalar(query.limit(1)) is not None


def latest(session: Session, order_id: UUID) -> Payout:
    """Return the order's newest payout. Raises PayoutUnknown."""
    query = select(Payout).where(Payout.order_id == order_id).order_by(Payout.id.desc()).limit(1)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise PayoutUnknown
    return found


def lock(session: Session, payout_id: UUID) -> Payout:
    """Lock one. Raises PayoutUnknown."""
    found = locked(session, Payout, payout_id)
    if found is None:
        raise PayoutUnknown
    return found


def move(payout: Payout, after: PayoutStatus, problem: str | None, now: datetime) -> None:
    """Move a locked payout along an edge; staying where it is only notes the problem."""
    if payout.status != after:
        payout.status, payout.status_since = payout_rules.step(payout.status, after), now
    payout.problem = problem
    jobs.release(payout)


def look_at_lock(session: Session, payout: Payout, now: datetime) -> None:
    """Let a (locked) payout be OWED once all its tickets are LOCKED in final blocks, with their buyer.

    Who gave a ticket away before the lock was on chain has nothing to give back: the refund is withdrawn.
    """
    rows = session.scalars(select(Ticket).where(Ticket.order_id == payout.order_id).order_by(Ticket.id)).all()
    held = [service.holding_of(session, ticket.id) for ticket in rows]
    settled = [one for one in held if one is not None and one.is_final]
    if any(one.status == TicketStatus.LOCKED and one.owner != payout.payee for one in settled):
        _give_up(session, payout, "ticket_moved", now)
    elif len(settled) == len(rows) and all(one.status == TicketStatus.LOCKED for one in settled):
        move(payout, PayoutStatus.OWED, None, now)
    elif _is_refused(session, rows):
        move(payout, PayoutStatus.STUCK, "lock_refused", now)
        _log.error("payout_stuck", payout_id=str(payout.id))
    else:
        jobs.retry_later(payout, now, "the tickets are not locked on chain yet")


def withdraw(session: Session, payout: Payout, problem: str, now: datetime) -> None:
    """Give a locked payout up: its tickets are good again. Raises NotWithdrawable, payout_rules.ImpossibleStep."""
    order_refunds.withdrawn(session, payout.order_id, payout.refund_id, problem, now)
    for ticket, _ in locks.tickets(session, Ticket.order_id == payout.order_id):
        if ticket.status == TicketStatus.LOCKED:
            status_changes.want(session, ticket, TicketStatus.LIVE, now)
    move(payout, PayoutStatus.WITHDRAWN, problem, now)
    _log.info("payout_withdrawn", payout_id=str(payout.id), problem=problem)


def _give_up(session: Session, payout: Payout, problem: str, now: datetime) -> None:
    try:
        with session.begin_nested():
            withdraw(session, payout, problem, now)
    except order_refunds.NotWithdrawable:
        # An order that was STUCK before: there is nothing that it could be again.
        move(payout, PayoutStatus.STUCK, problem, now)
        _log.error("payout_stuck", payout_id=str(payout.id), problem=problem)


def prepared(payout: Payout) -> Prepared | None:
    """Return what a wallet was given for it; None before."""
    if payout.payer is None or payout.nonce is None or payout.data is None:
        return None
    return Prepared(payout.payer, payout.nonce, payout.currency, payout.payee, payout.amount, payout.data)


def settle(
    session: Session, payout: Payout, seen: SentTransaction, logs_seen: tuple[ReceiptLog, ...], now: datetime, *,
    succeeded: bool,
) -> None:  # fmt: skip
    """Act on the final transaction that was named for a locked payout: paid, or what was wrong with it."""
    asked = prepared(payout)
    if asked is None:
        raise LookupError(f"payout {payout.id} was never prepared")
    verdict = payout_rules.judge(asked, seen, logs_seen, succeeded=succeeded)
    _log.info("payout_judged", payout_id=str(payout.id), tx_hash="0x" + seen.tx_hash.hex(), verdict=verdict.value)
    if verdict is Verdict.PAYS:
        payout.nonce = seen.nonce
        paid(session, payout, now)
        return
    payout.tx_hash = None
    problem = "payment_failed" if verdict is Verdict.FAILED else "not_this_payment"
    if payout_rules.uses_up(asked, seen):
        free(payout)
        move(payout, PayoutStatus.OWED, problem, now)
    else:
        move(payout, PayoutStatus.PREPARED, problem, now)


def free(payout: Payout) -> None:
    """Forget what was prepared: it can never be mined any more."""
    payout.payer = payout.data = payout.nonce = payout.paid_from = None


def paid(session: Session, payout: Payout, now: datetime) -> None:
    """Write down that the buyer has the money: the refund is done, and what follows."""
    move(payout, PayoutStatus.PAID, None, now)
    payments.lock_all(session, payout.order_id)
    payments.wallet_paid(session, payout.refund_id, payout.tx_hash, payout.paid_from or "platform:wallet", now)


def void(session: Session, order_id: UUID, now: datetime) -> None:
    """Make VOID what a payout had locked: its money has gone back."""
    if session.scalar(select(Payout.id).where(Payout.order_id == order_id).limit(1)) is None:
        return
    for ticket, _ in locks.tickets(session, Ticket.order_id == order_id):
        if ticket.status == TicketStatus.LOCKED:
            status_changes.want(session, ticket, TicketStatus.VOID, now)


def _is_refused(session: Session, rows: Sequence[Ticket]) -> bool:
    query = select(StatusChange.id).where(
        StatusChange.ticket_id.in_([ticket.id for ticket in rows]), StatusChange.status == StatusChangeStatus.STUCK
    )
    return session.scalar(query.limit(1)) is not None
