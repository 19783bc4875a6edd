"""Do the books say what the final sales say? To the unit, for each organisation, account and currency."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, all_, cast, func, select
from sqlalchemy.orm import Session

from backend.chain.currencies import UnknownCurrency, code_of
from backend.chain.models import ChainCursor
from backend.chain.progress import FINAL_CURSORS
from backend.chain.proving import Moment, audits
from backend.ledger.models import Journal, LedgerEntry
from backend.royalties import books
from backend.royalties.models import Sale
from backend.royalties.rules import PRIMARY
from backend.tickets.models import Collection

POSTER = f"{FINAL_CURSORS}backend.royalties.onchain.post"
"""The cursor of the handler that posts: what it has not had is not in the books yet."""
Balances = Counter[tuple[UUID, str, str]]


@audits("books")
def books_and_sales(session: Session, moment: Moment) -> Iterator[str]:
    """Add both up. The books cannot be rebuilt: a difference is put right by a journal that says why."""
    posted = session.scalar(
        select(ChainCursor.block_number).where(ChainCursor.network == moment.network, ChainCursor.name == POSTER)
    )
    upto = moment.number if posted is None else min(posted, moment.number)
    owed, kept = _sold(session, moment.network, upto), _booked(session, moment.network, upto)
    for key in sorted(owed.keys() | kept.keys(), key=str):
        if owed[key] != kept[key]:
            organisation, account, currency = key
            yield f"{account} of organisation {organisation}: {kept[key]} {currency} booked, {owed[key]} by the sales"


def _sold(session: Session, network: str, upto: int) -> Balances:
    """Add up the market's sales. What the box office sold on chain is in the books as a paid order, not as a sale."""
    query = (
        select(Sale, Collection.organisation_id)
        .join(Collection, (Collection.network == Sale.network) & (Collection.address == Sale.collection))
        .where(Sale.network == network, Sale.block_number <= upto, Sale.kind != PRIMARY)
        .execution_options(yield_per=5_000)
    )
    total: Balances = Counter()
    for sale, organisation_id in session.execute(query):
        try:
            code = code_of(network, sale.currency)
        except UnknownCurrency:
            continue  # said in the log when it was seen: it has no books
        for account, money in books.entries_of(sale, code):
            total[organisation_id, account, code] += money.amount
    return total


def _booked(session: Session, network: str, upto: int) -> Balances:
    """Add up the journals of sales, also of sales that are not there; without those that `_sold` leaves out."""
    others = select(Sale.network, Sale.tx_hash, Sale.log_index).where(
        (Sale.network != network) | (Sale.block_number > upto)
    )
    left_out = [books.reference(*place) for place in session.execute(others)]
    query = (
        select(LedgerEntry.organisation_id, LedgerEntry.account, LedgerEntry.currency, func.sum(LedgerEntry.amount))
        .join(Journal, Journal.id == LedgerEntry.journal_id)
        .where(
            Journal.kind.in_([books.SETTLED, books.BOUGHT_BACK]),
            Journal.reference != all_(cast(left_out, ARRAY(Uuid))),
        )
        .group_by(LedgerEntry.organisation_id, LedgerEntry.account, LedgerEntry.currency)
    )
    return Counter({(who, account, code): int(amount) for who, account, code, amount in session.execute(query)})
