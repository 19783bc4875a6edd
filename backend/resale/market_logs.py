"""What the market's logs say of orders, read by slicing: rows of market_logs, and which orders to look at again."""

from backend.chain import abi
from backend.chain.facts import Facts
from backend.kit import bulk
from backend.kit.bulk import ADDRESS, NULL, WORD
from backend.resale.states import LogKind

_MARKET = "ResaleMarket"
KINDS = {"Sale": LogKind.SOLD, "OrderCancelled": LogKind.CANCELLED, "AllOrdersCancelled": LogKind.ALL_CANCELLED}
_CELLS = {kind: bulk.text(kind) for kind in LogKind}
COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "kind",
    "signer",
    "order_hash",
    "counter",
    "is_credited",
)
ORDER_HASH = 8
"""Which word of a Sale's data it is."""


def read(facts: Facts) -> tuple[dict[int, bytes], set[bytes], set[bytes]]:
    """Return rows by places, the orders they are about, and who withdrew all orders."""
    kinds = {abi.topic(_MARKET, event): kind for event, kind in KINDS.items()}
    head = bulk.count(len(COLUMNS)) + bulk.text(facts.network)
    rows: dict[int, bytes] = {}
    hashes, signers = set[bytes](), set[bytes]()
    credited = _credited(facts)
    for at in facts.places:
        kind = kinds.get(facts.topic(at, 0))
        if kind is None:
            continue
        order, counter = NULL, NULL
        signer = facts.topic(at, 3 if kind is LogKind.SOLD else 1)[12:]
        if kind is LogKind.ALL_CANCELLED:
            counter = bulk.int8(int.from_bytes(facts.word(at, 0), "big"))
            signers.add(signer)
        else:
            order_hash = facts.word(at, ORDER_HASH) if kind is LogKind.SOLD else facts.topic(at, 2)
            hashes.add(order_hash)
            order = WORD + order_hash
        rows[at] = b"".join(
            (
                head,
                facts.rows[at : at + 92],
                _CELLS[kind],
                ADDRESS,
                signer,
                order,
                counter,
                bulk.flag(value=at in credited),
            )
        )
    return rows, hashes, signers


def _credited(facts: Facts) -> set[int]:
    """Return the places of sales whose seller could not be paid: what is credited right behind one is his share."""
    sale, kept = abi.topic(_MARKET, "Sale"), abi.topic(_MARKET, "Credited")
    found, last = set[int](), -1
    for at in facts.places:
        kind = facts.topic(at, 0)
        if kind == sale:
            last = at
        elif kind == kept and last >= 0 and facts.transaction(at) == facts.transaction(last):
            royalty, fee = (int.from_bytes(facts.word(last, number), "big") for number in (4, 6))
            share = int.from_bytes(facts.word(last, 2), "big") - royalty - fee
            is_sellers = facts.topic(at, 1) == facts.topic(last, 3) and facts.topic(at, 2) == facts.word(last, 1)
            if is_sellers and int.from_bytes(facts.word(at, 0), "big") == share:
                found.add(last)
            # Only the first may be the seller's; a receiver's of the same wallet and amount comes behind it.
            last = -1
    return found
