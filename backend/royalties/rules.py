"""Adding sales up. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

PRIMARY, BUYBACK = 0, 2
KINDS = {PRIMARY: "PRIMARY", 1: "SALE", BUYBACK: "BUYBACK"}
"""Kinds of sales: the market's numbers, and ours for the box office on chain."""


CREDITED = {"SELLER": 1, "ROYALTY_RECEIVER": 2, "FEE_RECEIVER": 4}
"""Bits: whose share of a sale the market keeps for him, because he did not take it."""


def credited(shares: Mapping[str, tuple[bytes, int]], kept: Sequence[tuple[bytes, int]]) -> int:
    """Return the bits of the shares that were kept: (who, how much), both in the order in which the market pays."""
    bits, names = 0, iter(shares)
    for one in kept:
        bits |= next((CREDITED[name] for name in names if shares[name] == one), 0)
    return bits


class Sold(Protocol):
    """What is added up of a sale."""

    @property
    def collection(self) -> bytes:
        """Of which collection."""

    @property
    def currency(self) -> bytes:
        """In which currency."""

    @property
    def kind(self) -> int:
        """SALE or BUYBACK."""

    @property
    def quantity(self) -> int:
        """How many tickets."""

    @property
    def price(self) -> int:
        """What was paid for all of them."""

    @property
    def royalty(self) -> int:
        """What the royalty receiver got of it."""

    @property
    def fee(self) -> int:
        """What the fee receiver got of it."""


@dataclass(slots=True)
class Total:
    """Sales of one collection, kind and currency, in the currency's smallest unit."""

    collection: bytes
    kind: int
    currency: bytes
    sales: int = 0
    tickets: int = 0
    price: int = 0
    royalty: int = 0
    fee: int = 0

    @property
    def proceeds(self) -> int:
        """What the sellers got."""
        return self.price - self.royalty - self.fee


def totals(sales: Iterable[Sold]) -> list[Total]:
    """Add sales up by collection, kind and currency, in that order."""
    found: dict[tuple[bytes, int, bytes], Total] = {}
    for sale in sales:
        key = (sale.collection, sale.kind, sale.currency)
        total = found.setdefault(key, Total(*key))
        total.sales += 1
        total.tickets += sale.quantity
        total.price += sale.price
        total.royalty += sale.royalty
        total.fee += sale.fee
    return [found[key] for key in sorted(found)]
