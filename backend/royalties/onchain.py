"""Which logs royalties reads: sales. Provisionally into `sales`; those of the market into the books when final.

What the box office sells on chain is in the books already, as a paid order.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

import backend.royalties.audit  # noqa: F401 - it registers itself
from backend.chain import abi
from backend.chain.deployments import deployment
from backend.chain.facts import Facts, store_new
from backend.chain.onlog import Log, Touched, Watch, on_log, on_undo, projects, watches, when_final
from backend.kit import bulk, clock
from backend.kit.bulk import ADDRESS, WORD
from backend.royalties import books, late, rules
from backend.royalties import primary as _primary  # noqa: F401 - its handler is one of these
from backend.royalties.models import Sale
from backend.tickets.models import Collection

_MARKET = "ResaleMarket"
_TOPICS, _WORDS = 4, 9
_COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "sold_at",
    "collection",
    "token_id",
    "seller",
    "buyer",
    "currency",
    "price",
    "royalty_receiver",
    "royalty",
    "fee_receiver",
    "fee",
    "kind",
    "order_hash",
    "credited",
)

projects(Sale)


@watches
def the_market(_session: Session, network: str) -> list[Watch]:
    """Name the market, where there is one."""
    found = deployment(network)
    address = found.addresses.get(_MARKET)
    return [] if address is None else [Watch(_MARKET, address, found.blocks[_MARKET])]


@on_undo
def forget(session: Session, network: str, from_block: int, _touched: Touched) -> None:
    """Forget the sales of undone blocks."""
    session.execute(
        delete(Sale)
        .where(Sale.network == network, Sale.block_number >= from_block)
        .execution_options(synchronize_session=False)
    )


@when_final(_MARKET, "Sale")
def post(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Post each sale to its promoter's books, from the log itself."""
    facts = Facts.of(network, logs)
    named = {at: facts.topic(at, 1)[12:] for at in facts.places}
    query = select(Collection.address).where(Collection.network == network, Collection.address.in_({*named.values()}))
    # Of others' collections, which our factory makes for anybody, there are no books and no tickets to look after.
    ours = set(session.scalars(query))
    for log in facts.at([at for at in facts.places if named[at] in ours]):
        sale = Sale(**row_of(network, log))
        books.post(session, sale, clock.now())
        late.note(session, sale)


def _rows(facts: Facts) -> dict[int, bytes]:
    """Return the rows of `sales` that Sale logs fill, by their places. Sliced: a past has hundreds of thousands."""
    rows = facts.rows
    head = bulk.count(len(_COLUMNS)) + bulk.text(facts.network)
    found: dict[int, bytes] = {}
    kept = credits_of(facts)
    for at in kept:
        data = facts.shape(at, _TOPICS, _WORDS)
        price, royalty, fee = (int.from_bytes(rows[data + word : data + word + 32], "big") for word in (64, 128, 192))
        found[at] = b"".join(
            (
                head,
                rows[at : at + 92],
                bulk.moment(facts.times[rows[at + 4 : at + 36]]),
                ADDRESS,
                rows[at + 200 : at + 220],
                bulk.numeric(int.from_bytes(rows[at + 224 : at + 256], "big")),
                ADDRESS,
                rows[at + 272 : at + 292],
                ADDRESS,
                rows[data + 12 : data + 32],
                ADDRESS,
                rows[data + 44 : data + 64],
                bulk.numeric(price),
                ADDRESS,
                rows[data + 108 : data + 128],
                bulk.numeric(royalty),
                ADDRESS,
                rows[data + 172 : data + 192],
                bulk.numeric(fee),
                bulk.int2(rows[data + 255]),
                WORD,
                rows[data + 256 : data + 288],
                bulk.int2(_credited(facts, at, kept[at])),
            )
        )
    return found


def credits_of(facts: Facts) -> dict[int, list[int]]:
    """Return the places of sales, each with those of what its transaction credited before the next sale of it."""
    sale, found = abi.topic(_MARKET, "Sale"), dict[int, list[int]]()
    last = -1
    for at in facts.places:
        if facts.topic(at, 0) == sale:
            found[at], last = [], at
        elif (
            last >= 0
            and facts.rows[at + 4 : at + 36] == facts.rows[last + 4 : last + 36]
            and facts.transaction(at) == facts.transaction(last)
        ):
            found[last].append(at)
    return found


def _credited(facts: Facts, at: int, kept: Sequence[int]) -> int:
    """Return which shares of the sale at this place the market keeps."""
    if not kept:
        return 0
    word = facts.word
    price, royalty, fee = (int.from_bytes(word(at, number), "big") for number in (2, 4, 6))
    shares = {
        "SELLER": (facts.topic(at, 3)[12:], price - royalty - fee),
        "ROYALTY_RECEIVER": (word(at, 3)[12:], royalty),
        "FEE_RECEIVER": (word(at, 5)[12:], fee),
    }
    of_currency = [one for one in kept if facts.topic(one, 2) == word(at, 1)]
    held = [(facts.topic(one, 1)[12:], int.from_bytes(word(one, 0), "big")) for one in of_currency]
    return rules.credited(shares, held)


@on_log(_MARKET, "Sale", "Credited", reads=_rows)
def keep(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Keep who paid what to whom, once for each sale. Shares that could not be paid are credited right behind it."""
    facts = Facts.of(network, logs)
    store_new(session, Sale.__tablename__, _COLUMNS, facts, facts.told(_rows))


def row_of(network: str, log: Log) -> dict[str, Any]:
    """Return the columns of `sales` that a Sale log fills."""
    said = abi.decode_log(_MARKET, "Sale", log.topics, log.data)
    return {
        "network": network,
        "tx_hash": log.tx_hash,
        "log_index": log.log_index,
        "block_hash": log.block_hash,
        "block_number": log.block_number,
        "sold_at": log.block_timestamp,
        "collection": said["collection"],
        "token_id": said["tokenId"],
        "seller": said["seller"],
        "buyer": said["buyer"],
        "currency": said["currency"],
        "price": said["price"],
        "royalty_receiver": said["royaltyReceiver"],
        "royalty": said["royalty"],
        "fee_receiver": said["feeReceiver"],
        "fee": said["fee"],
        "kind": said["kind"],
        "order_hash": said["orderHash"],
    }
