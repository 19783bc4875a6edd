"""Which logs resale reads: the market's, and what happens to the tickets that are listed."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backend.chain.deployments import deployment
from backend.chain.facts import Facts, store_new
from backend.chain.onlog import Log, Touched, Watch, on_log, on_undo, projects, watches, when_final
from backend.kit import bulk, clock
from backend.kit.nudges import nudge
from backend.resale import credit, line, market_logs, standing
from backend.resale.models import MarketCredit, MarketLog, MarketOrder
from backend.resale.states import Status

# First, so that its handlers are: what is listed is compared with holdings that are up to date.
from backend.tickets import onchain as _tickets  # noqa: F401
from backend.tickets.models import Collection

_MARKET, _COLLECTION = "ResaleMarket", "TicketCollection"
projects(MarketLog, MarketCredit)


@watches
def the_market(_session: Session, network: str) -> list[Watch]:
    """Name the market, where there is one."""
    found = deployment(network)
    address = found.addresses.get(_MARKET)
    return [] if address is None else [Watch(_MARKET, address, found.blocks[_MARKET])]


@on_log(_MARKET, *market_logs.KINDS, "Credited", reads=market_logs.read)
def note_orders(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write down what the market says of orders and look at those again."""
    facts = Facts.of(network, logs)
    rows, hashes, signers = facts.told(market_logs.read)
    store_new(session, MarketLog.__tablename__, market_logs.COLUMNS, facts, rows)
    now = clock.now()
    standing.of_hashes(session, network, hashes, now)
    standing.of_signers(session, network, signers, now)


@on_log(_MARKET, "Credited", "CreditWithdrawn")
def note_credits(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write down what the market keeps for whom, and what was taken out."""
    credit.note(session, network, logs)


@on_log(_COLLECTION, "Transfer", "StatusChanged")
def follow_tickets(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Look again at what was signed about tickets that moved or changed."""
    facts = Facts.of(network, logs)
    if _is_anything_signed(session, network, {facts.address(at) for at in facts.places}):
        tokens = {(facts.address(at), int.from_bytes(facts.last_topic(at), "big")) for at in facts.places}
        standing.of_tokens(session, network, _signed_about(session, network, tokens), clock.now())


@on_log(_COLLECTION, "RulesChanged", "ScopesPaused", "TierPublished", "RoyaltyChanged")
def follow_rules(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Have the chain asked which orders the new rules refuse."""
    addresses = {log.address for log in logs}
    query = select(Collection.id).where(Collection.network == network, Collection.address.in_(addresses))
    for collection_id in session.scalars(query):
        nudge(session, "resale.read_rules", collection_id)


@on_log(_MARKET, "FeeChanged")
def follow_fee(session: Session, network: str, _logs: Sequence[Log]) -> None:
    """Have the chain asked which listings agreed to a lower fee."""
    query = (
        select(Collection.id)
        .join(MarketOrder, MarketOrder.event_id == Collection.event_id)
        .where(MarketOrder.network == network, MarketOrder.status == Status.LISTED)
        .distinct()
    )
    for collection_id in session.scalars(query):
        nudge(session, "resale.read_rules", collection_id)


@on_undo
def forget(session: Session, network: str, from_block: int, touched: Touched) -> None:
    """Forget what undone blocks said of orders, and look again at whatever they touched."""
    gone = session.execute(
        delete(MarketLog)
        .where(MarketLog.network == network, MarketLog.block_number >= from_block)
        .returning(MarketLog.order_hash, MarketLog.signer)
        .execution_options(synchronize_session=False)
    ).all()
    credit.forget(session, network, from_block)
    now = clock.now()
    standing.of_hashes(session, network, [row[0] for row in gone if row[0]], now)
    standing.of_signers(session, network, [row[1] for row in gone], now)
    tokens = {(address, int.from_bytes(topic, "big")) for address, topic in touched}
    standing.of_tokens(session, network, _signed_about(session, network, tokens), now)


@when_final(_MARKET, "Sale")
def settle(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Settle the orders whose sale cannot be undone any more."""
    facts = Facts.of(network, logs)
    hashes = sorted({facts.word(at, market_logs.ORDER_HASH) for at in facts.places})
    query = select(MarketOrder).where(MarketOrder.id.in_(standing.ids_of(session, network, hashes)))
    now = clock.now()
    rows = session.scalars(query.order_by(MarketOrder.id).with_for_update()).all()
    for row in rows:
        row.settled_at = row.settled_at or now
    standing.look_again(session, rows, now)
    line.served(session, {row.place_id for row in rows if row.place_id is not None}, now)


def _is_anything_signed(session: Session, network: str, collections: set[bytes]) -> bool:
    query = select(MarketOrder.id).where(MarketOrder.network == network, MarketOrder.collection.in_(collections))
    return session.scalar(query.limit(1)) is not None


def _signed_about(session: Session, network: str, touched: set[standing.Token]) -> set[standing.Token]:
    """Return those tokens of which anything was ever signed: of a backfill's hardly any."""
    tokens = sorted(touched)
    found = bulk.run(
        session,
        """
        SELECT DISTINCT t.collection, t.token_id FROM unnest(%(collection)s, %(token_id)s) AS t (collection, token_id)
        JOIN market_orders o ON o.network = %(network)s AND o.collection = t.collection AND o.token_id = t.token_id
        """,
        network=network,
        collection=bulk.array("bytea", [bulk.raw(token[0]) for token in tokens]),
        token_id=bulk.array("numeric", [bulk.numeric(token[1]) for token in tokens]),
    )
    return {(bytes(row[0]), int(row[1])) for row in found}
