import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.money import CurrencyMismatch, Money, UnknownCurrency, allocate, exponent

weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(lambda given: sum(given) > 0)


@given(st.integers(-(10**30), 10**30), weights)
def test_allocating_never_loses_or_makes_a_unit(amount, given_weights):
    shares = allocate(Money(amount, "SEK"), given_weights)
    assert sum(share.amount for share in shares) == amount


@given(st.integers(0, 10**30), weights)
def test_each_share_is_within_one_unit_of_its_exact_part(amount, given_weights):
    total = sum(given_weights)
    for share, weight in zip(allocate(Money(amount, "SEK"), given_weights), given_weights, strict=True):
        assert 0 <= share.amount * total - amount * weight + total < 2 * total


def test_a_zero_weight_gets_nothing_even_when_units_are_left_over():
    assert [share.amount for share in allocate(Money(5, "SEK"), [1, 0, 1])] == [3, 0, 2]


@pytest.mark.parametrize("bad", [[], [0, 0], [2, -1]])
def test_weights_that_say_nothing_are_refused(bad):
    with pytest.raises(ValueError, match="weights"):
        allocate(Money(5, "SEK"), bad)


def test_amounts_of_two_currencies_do_not_mix():
    for mix in (lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a < b, lambda a, b: a <= b):
        with pytest.raises(CurrencyMismatch):
            mix(Money(1, "SEK"), Money(1, "EUR"))


@pytest.mark.parametrize("amount", [1.0, "1", True, None])
def test_an_amount_that_is_no_whole_number_is_refused(amount):
    with pytest.raises(TypeError):
        Money(amount, "SEK")


def test_a_currency_nobody_knows_is_refused():
    with pytest.raises(UnknownCurrency):
        Money(1, "XXX")


@pytest.mark.parametrize(("currency", "places"), [("SEK", 2), ("VND", 0), ("CLP", 0), ("KWD", 3), ("BKS", 18)])
def test_each_currency_has_its_own_exponent(currency, places):
    assert exponent(currency) == places


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(4_990, "SEK"), "49.90 SEK"),
        (Money(-5, "SEK"), "-0.05 SEK"),
        (Money(500, "VND"), "500 VND"),
        (Money(1, "BKS"), "0.000000000000000001 BKS"),
    ],
)
def test_money_is_written_for_people(money, words):
    assert str(money) == words
