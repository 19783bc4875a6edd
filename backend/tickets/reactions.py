"""What tickets does when an order or a transaction has come to something: all of it part of the promise."""

from datetime import datetime

from sqlalchemy.orm import Session

from backend.chain.notices import SendFinal, SendMined, SendReverted, SendUnknown, SendUnmined
from backend.kit.db import locked
from backend.kit.notices import at_once
from backend.kit.nudges import nudge
from backend.orders.notices import (
    OrderDisputed,
    OrderPaid,
    OrderRefunded,
    OrderRefunding,
    OrderRestored,
    OrderVoided,
)
from backend.tickets import (
    batches,
    bought,
    cancel,
    claim,
    deploy,
    disputes,
    effects,
    minted,
    payouts,
    place,
    refunds,
    seats,
    status_changes,
)
from backend.tickets.models import Collection


@at_once(OrderPaid)
def place_tickets(session: Session, notice: OrderPaid, now: datetime) -> None:
    """Promise one token for each unit."""
    place.place(session, notice.order_id, now)


@at_once(OrderRefunding)
def void_tickets(session: Session, notice: OrderRefunding, now: datetime) -> None:
    """Take the tickets' worth away before the money goes."""
    refunds.begin(session, notice.order_id, notice.refund_id, now, anyway=notice.anyway)


@at_once(OrderRefunded)
def free_seats(session: Session, notice: OrderRefunded, now: datetime) -> None:
    """Make void what was only locked, and put back on sale what never became a token."""
    payouts.void(session, notice.order_id, now)
    seats.give_back(session, [notice.order_id])


@at_once(OrderDisputed)
def lock_tickets(session: Session, notice: OrderDisputed, now: datetime) -> None:
    """Stop what the disputed money bought from moving and admitting."""
    disputes.lock(session, notice.order_id, now)


@at_once(OrderRestored)
def unlock_tickets(session: Session, notice: OrderRestored, now: datetime) -> None:
    """Let it go on."""
    disputes.restore(session, notice.order_id, now)


@at_once(OrderVoided)
def void_for_good(session: Session, notice: OrderVoided, now: datetime) -> None:
    """Take the worth of tickets without money, wherever they are; what never became a token may be sold again."""
    bought.place_unowned(session, notice.order_id, now)
    disputes.void(session, notice.order_id, now)
    seats.give_back(session, [notice.order_id])


@at_once(SendMined)
def read_receipt(session: Session, notice: SendMined, now: datetime) -> None:
    """Believe the receipt provisionally."""
    if notice.purpose == batches.MINT:
        minted.mined(session, notice.subject_id, notice.send_id, notice.tx_hash, now)
    elif notice.purpose == claim.CLAIM:
        claim.mined(session, notice.subject_id, notice.tx_hash)


@at_once(SendUnmined)
def take_back(session: Session, notice: SendUnmined, now: datetime) -> None:  # noqa: ARG001 - every reaction takes the time
    """Take back what a reorg undid."""
    if notice.purpose == batches.MINT:
        minted.unmined(session, notice.subject_id)
    elif notice.purpose == claim.CLAIM:
        claim.mined(session, notice.subject_id, None)


@at_once(SendFinal)
def settle(session: Session, notice: SendFinal, now: datetime) -> None:
    """Take what cannot be undone for good. A cancelled batch waits for its log instead: `final.batches_settled`."""
    if notice.purpose == batches.MINT:
        minted.final(session, notice.subject_id, now)
    elif notice.purpose == claim.CLAIM:
        claim.final(session, notice.subject_id)
    elif notice.purpose == deploy.DEPLOY:
        deploy.send_final(session, notice.subject_id)
    elif notice.purpose == status_changes.TICKET_STATUS:
        status_changes.sent_final(session, notice.subject_id)


@at_once(SendReverted)
def take_refusal(session: Session, notice: SendReverted, now: datetime) -> None:  # noqa: ARG001 - as above
    """Act on a contract's no: every purpose has a state for it."""
    if notice.purpose == batches.MINT:
        minted.reverted(session, notice.subject_id, notice.reason)
    elif notice.purpose == cancel.CANCEL:
        cancel.refused(session, notice.subject_id, notice.reason)
    elif notice.purpose == claim.CLAIM:
        claim.failed(session, notice.subject_id, notice.reason)
    elif notice.purpose == deploy.DEPLOY:
        deploy.send_reverted(session, notice.subject_id, notice.reason)
    elif notice.purpose == status_changes.TICKET_STATUS:
        status_changes.sent_reverted(session, notice.subject_id, notice.reason)


@at_once(SendUnknown)
def ask(session: Session, notice: SendUnknown, now: datetime) -> None:  # noqa: ARG001 - as above
    """Our nonce was used by bytes we do not know: have the chain asked whether the effect is there."""
    if notice.purpose == batches.MINT:
        minted.unknown(session, notice.subject_id)
    elif notice.purpose == deploy.DEPLOY:
        collection = locked(session, Collection, notice.subject_id)
        if collection is not None:
            deploy.ask_chain(session, collection, "the fate of the transaction is unclear")
    elif notice.purpose in effects.PURPOSES:
        nudge(session, "tickets.ask_effect", notice.send_id)
