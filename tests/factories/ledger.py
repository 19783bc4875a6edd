"""Entries with good defaults."""

from backend.kit.money import Money
from backend.ledger.rules import Entry, credit, debit

RECEIVABLE, REVENUE, FEE = "provider:stripe:receivable", "organisation:revenue", "platform:fee"


def sale(price: int = 10_000, fee: int = 500, currency: str = "SEK") -> list[Entry]:
    """Return the entries of something sold for `price`, of which the platform keeps `fee`."""
    return [
        debit(RECEIVABLE, Money(price, currency)),
        credit(REVENUE, Money(price - fee, currency)),
        credit(FEE, Money(fee, currency)),
    ]
