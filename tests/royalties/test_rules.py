"""Sales added up."""

from dataclasses import dataclass

from backend.royalties.books import entries_of, reference
from backend.royalties.models import Sale
from backend.royalties.rules import totals

A, B, BKS, BNB = bytes([1]) * 20, bytes([2]) * 20, bytes([3]) * 20, bytes(20)


@dataclass
class Sold:
    collection: bytes
    kind: int
    currency: bytes
    price: int
    royalty: int = 0
    fee: int = 0
    quantity: int = 1


def test_sales_are_added_up_by_collection_kind_and_currency():
    sales = [
        Sold(B, 1, BKS, 10, 1),
        Sold(A, 1, BKS, 100, 5, 2),
        Sold(A, 1, BKS, 7, quantity=3),
        Sold(A, 2, BKS, 3),
        Sold(A, 1, BNB, 4),
    ]
    parts = ("collection", "kind", "currency", "sales", "tickets", "price", "royalty", "fee", "proceeds")
    found = [tuple(getattr(total, part) for part in parts) for total in totals(sales)]
    assert found == [
        (A, 1, BNB, 1, 1, 4, 0, 0, 4),
        (A, 1, BKS, 2, 4, 107, 5, 2, 100),
        (A, 2, BKS, 1, 1, 3, 0, 0, 3),
        (B, 1, BKS, 1, 1, 10, 1, 0, 9),
    ]
    assert totals([]) == []


def test_a_journal_sums_to_zero_whatever_the_shares():
    for price, royalty, fee in ((1, 0, 0), (10**20 + 7, 3, 4), (5, 2, 3)):
        sale = Sale(kind=1, price=price, royalty=royalty, fee=fee)
        assert sum(money.amount for _, money in entries_of(sale, "BKS")) == 0


def test_one_log_has_one_reference():
    assert reference("eip155:56", b"\1" * 32, 3) == reference("eip155:56", b"\1" * 32, 3)
    others = {
        reference(n, t, i) for n, t, i in (("eip155:56", b"\1", 3), ("eip155:97", b"\1", 3), ("eip155:56", b"\1", 4))
    }
    assert len(others) == 3
