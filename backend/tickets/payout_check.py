"""Looking at refunds that wallets pay: whether the lock is final, and what the transaction is that was named."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain import registry
from backend.chain.port import ChainPort, ChainUnreachable, Receipt, SentTransaction
from backend.kit import clock, jobs
from backend.kit.db import unit_of_work
from backend.tickets import payout_rules, payouts
from backend.tickets.models import Payout, Ticket
from backend.tickets.states import PayoutStatus

_LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Found:
    """A transaction in a final block, and what came of it."""

    transaction: SentTransaction
    receipt: Receipt


def check(payout_id: UUID) -> None:
    """Look at one refund. Harmless when repeated; the network is asked outside of any transaction."""
    with unit_of_work() as session:
        where = Payout.status.in_(payout_rules.UNDER_WAY)
        payout = jobs.claim(session, Payout, payout_id, clock.now(), _LEASE_SECONDS, where)
        if payout is None:
            return
        if payout.status == PayoutStatus.LOCKING:
            payouts.look_at_lock(session, payout, clock.now())
            return
        lease, network, tx_hash = payout.lease_id, payout.network, payout.tx_hash or b""
    try:
        found = read_final(registry.port(network), tx_hash)
    except ChainUnreachable as away:
        found, trouble = None, away.code
    else:
        trouble = "the transaction is not final yet"
    with jobs.given_back(Payout, payout_id, lease), unit_of_work() as session:
        mine = jobs.held(session, Payout, payout_id, lease)
        if found is None:
            jobs.retry_later(mine, clock.now(), trouble)
            return
        payouts.settle(
            session, mine, found.transaction, found.receipt.logs, clock.now(), succeeded=found.receipt.succeeded
        )


def read_final(port: ChainPort, tx_hash: bytes) -> Found | None:
    """Return the transaction if it is in a block that cannot be undone any more. Raises ChainUnreachable."""
    with port.look() as look:
        receipt, sent = look.node.receipt(tx_hash), look.node.transaction(tx_hash)
        if receipt is None or sent is None or receipt.block_number > look.node.finalized().number:
            return None
        block = look.node.block(receipt.block_number)
    # A node that is just changing branches may answer from two of them.
    return Found(sent, receipt) if block is not None and block.hash == receipt.block_hash else None


def of_ticket(session: Session, ticket_id: UUID) -> list[UUID]:
    """Return the refunds that wait for a ticket's lock, due at once."""
    query = (
        select(Payout.id)
        .join(Ticket, Ticket.order_id == Payout.order_id)
        .where(Ticket.id == ticket_id, Payout.status == PayoutStatus.LOCKING)
    )
    return list(session.scalars(query))
