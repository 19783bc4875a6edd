"""Money the market keeps for whom it could not pay: a receiver that refuses is credited, and withdraws it itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.facts import Facts, store_new
from backend.chain.models import ChainCursor
from backend.chain.onlog import Log
from backend.chain.progress import FACTS_CURSOR
from backend.kit import bulk
from backend.kit.bulk import ADDRESS, NULL
from backend.resale.models import MarketCredit, MarketLog
from backend.resale.states import CreditKind, LogKind

_MARKET = "ResaleMarket"
_COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "kind",
    "account",
    "currency",
    "amount",
    "paid_to",
)


@dataclass(frozen=True, slots=True)
class Credit:
    """What waits for a wallet in one currency, in its smallest unit."""

    currency: bytes
    amount: int
    is_final: bool
    """Nothing of it can be undone any more."""


def note(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write the logs down, once each."""
    facts = Facts.of(network, logs)
    kept = abi.topic(_MARKET, "Credited")
    head = bulk.count(len(_COLUMNS)) + bulk.text(network)
    rows: dict[int, bytes] = {}
    for at in facts.places:
        is_kept = facts.topic(at, 0) == kept
        kind = CreditKind.CREDITED if is_kept else CreditKind.WITHDRAWN
        amount = int.from_bytes(facts.word(at, 0 if is_kept else 1), "big")
        rows[at] = b"".join(
            (
                head,
                facts.rows[at : at + 92],
                bulk.text(kind),
                ADDRESS,
                facts.topic(at, 1)[12:],
                ADDRESS,
                facts.topic(at, 2)[12:],
                bulk.numeric(amount),
                NULL if is_kept else ADDRESS + facts.word(at, 0)[12:],
            )
        )
    store_new(session, MarketCredit.__tablename__, _COLUMNS, facts, rows)


def forget(session: Session, network: str, from_block: int) -> None:
    """Forget what undone blocks said."""
    session.execute(
        delete(MarketCredit)
        .where(MarketCredit.network == network, MarketCredit.block_number >= from_block)
        .execution_options(synchronize_session=False)
    )


def of_wallet(session: Session, network: str, wallet: bytes) -> list[Credit]:
    """Return what waits for the wallet, by currency; nothing where all was withdrawn."""
    change = case((MarketCredit.kind == CreditKind.CREDITED, MarketCredit.amount), else_=-MarketCredit.amount)
    final = select(func.max(ChainCursor.finalized_number)).where(
        ChainCursor.network == network, ChainCursor.name == FACTS_CURSOR
    )
    query = (
        select(MarketCredit.currency, func.sum(change), func.max(MarketCredit.block_number) <= final.scalar_subquery())
        .where(MarketCredit.network == network, MarketCredit.account == wallet)
        .group_by(MarketCredit.currency)
        .having(func.sum(change) != 0)
        .order_by(MarketCredit.currency)
    )
    return [Credit(currency, int(amount), bool(is_final)) for currency, amount, is_final in session.execute(query)]


def credited_among(session: Session, order_hashes: Sequence[bytes]) -> set[tuple[str, bytes]]:
    """Return network and hash of those of these orders whose seller could not be paid."""
    query = select(MarketLog.network, MarketLog.order_hash).where(
        MarketLog.order_hash.in_(order_hashes), MarketLog.kind == LogKind.SOLD, MarketLog.is_credited
    )
    return {(network, found) for network, found in session.execute(query) if found is not None}
