"""How market orders stand, computed from facts: signatures and withdrawals here, logs, holdings and events.

Whenever one of these changes, the orders it touches are looked at again. A reorg takes facts away and they are looked
at again: no state is ever stepped back by hand.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, tuple_
from sqlalchemy.orm import Session

from backend.kit import bulk, logs
from backend.kit.bulk import WORD
from backend.kit.db import locked
from backend.resale import rules
from backend.resale.errors import NotListed
from backend.resale.models import MarketLog, MarketOrder
from backend.resale.states import Kind, LogKind, Status
from backend.resale.subject import ground_of
from backend.tickets import service as tickets
from backend.tickets.models import Ticket

Token = tuple[bytes, int]
_OVER = (Status.SETTLED, Status.EXPIRED)
"""Where nothing that is known of tokens changes anything."""
_log = logs.get(__name__)


def look_again(session: Session, orders: Sequence[MarketOrder], now: datetime) -> None:
    """Write down how these orders stand now. The caller has locked them."""
    for order in orders:
        status, reason = judge(session, order, now)
        if (order.status, order.reason) != (status, reason):
            _log.info("market_order", order_id=str(order.id), before=order.status, after=status, reason=reason)
            order.status, order.reason = status, reason
    session.flush()


def judge(session: Session, order: MarketOrder, now: datetime) -> tuple[Status, str | None]:
    """Return how the order stands at this moment and why, from the facts: the row's own status is a moment behind."""
    return rules.standing(facts_of(session, order), now)


def check_listed(session: Session, order: MarketOrder, now: datetime) -> None:
    """Raise NotListed unless the order is good at this moment: a ticket just used is not sold."""
    status, reason = judge(session, order, now)
    if status != Status.LISTED:
        raise NotListed(status=status, reason=reason)


def facts_of(session: Session, order: MarketOrder) -> rules.Facts:
    """Return what the order's standing follows from."""
    said = session.execute(
        select(MarketLog.kind, MarketLog.counter).where(
            MarketLog.network == order.network,
            MarketLog.signer == order.signer,
            or_(MarketLog.order_hash == order.order_hash, MarketLog.kind == LogKind.ALL_CANCELLED),
        )
    ).all()
    kinds = {kind for kind, counter in said if counter is None or counter > order.counter}
    sold = rules.Sold.SEEN if _is_sold(session, order) else rules.Sold.NO
    holding = tickets.holding_of(session, order.ticket_id)
    ticket = session.get_one(Ticket, order.ticket_id)
    return rules.Facts(
        is_signed=order.signature is not None,
        sold=rules.Sold.FINAL if order.settled_at is not None else sold,
        is_withdrawn=order.withdrawn_at is not None,
        # A turn is the box office's word: the seller, whose row it is, has nothing to withdraw.
        is_cancelled_on_chain=order.kind != Kind.TURN and bool(kinds & {LogKind.CANCELLED, LogKind.ALL_CANCELLED}),
        expires_at=order.expires_at,
        epoch=order.epoch,
        held_epoch=holding.epoch if holding is not None else None,
        ground=ground_of(session, ticket, holding),
        refused_by=order.refused_by,
    )


def refuse(session: Session, order_id: UUID, refused_by: str | None, now: datetime) -> None:
    """Keep what the chain says against an order, or that it says nothing any more."""
    order = locked(session, MarketOrder, order_id)
    if order is not None and order.refused_by != refused_by:
        order.refused_by = refused_by
        look_again(session, [order], now)


def of_tokens(session: Session, network: str, tokens: Iterable[Token], now: datetime) -> None:
    """Look again at every order about these tokens."""
    wanted = sorted(set(tokens))
    if wanted:
        _look(session, now, MarketOrder.network == network, _token().in_(wanted), MarketOrder.status.not_in(_OVER))


def of_hashes(session: Session, network: str, hashes: Iterable[bytes], now: datetime) -> None:
    """Look again at the orders the market's logs call by these hashes."""
    wanted = sorted(set(hashes))
    if wanted:
        _look(session, now, MarketOrder.id.in_(ids_of(session, network, wanted)))


def of_signers(session: Session, network: str, signers: Iterable[bytes], now: datetime) -> None:
    """Look again at everything these wallets signed that is not over."""
    wanted = sorted(set(signers))
    if wanted:
        mine = MarketOrder.signer.in_(wanted)
        _look(session, now, MarketOrder.network == network, mine, MarketOrder.status.not_in(_OVER))


def _look(session: Session, now: datetime, *where: ColumnElement[bool]) -> None:
    query = select(MarketOrder).where(*where).order_by(MarketOrder.id).with_for_update()
    look_again(session, session.scalars(query.execution_options(populate_existing=True)).all(), now)


def ids_of(session: Session, network: str, hashes: Sequence[bytes]) -> list[UUID]:
    """Return the orders that have these hashes: of a past's sales hardly any are ours."""
    session.flush()  # the driver below knows nothing of what waits to be written
    found = bulk.run(
        session,
        "SELECT id FROM market_orders WHERE network = %(network)s AND order_hash = ANY(%(hashes)s)",
        network=network,
        hashes=bulk.array("bytea", [WORD + order_hash for order_hash in hashes]),
    )
    return [row[0] for row in found]


def _token() -> ColumnElement[Token]:
    return tuple_(MarketOrder.collection, MarketOrder.token_id)


def _is_sold(session: Session, order: MarketOrder) -> bool:
    # By its hash alone: of an offer the log's signer is the seller who accepted it.
    query = select(MarketLog.block_number).where(
        MarketLog.network == order.network,
        MarketLog.order_hash == order.order_hash,
        MarketLog.kind == LogKind.SOLD,
    )
    return session.scalar(query.limit(1)) is not None
