"""Stripe's idea of a smallest unit, where it differs from ISO 4217.

ISK and UGX have no minor unit, yet Stripe counts them in hundredths that must be whole units
(https://docs.stripe.com/currencies#special-cases).
"""

from backend.kit.money import Money, UnknownCurrency

_COUNTED_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})


def to_stripe(money: Money) -> int:
    """Return the whole number Stripe takes for `money`."""
    return money.amount * 100 if money.currency in _COUNTED_IN_HUNDREDTHS else money.amount


def from_stripe(amount: int | None, currency: str | None) -> Money | None:
    """Return what Stripe's whole number means, or None when it means nothing we can express."""
    if amount is None or currency is None:
        return None
    ours = currency.upper()
    if ours in _COUNTED_IN_HUNDREDTHS:
        amount, rest = divmod(amount, 100)
        if rest:
            return None
    try:
        return Money(amount, ours)
    except UnknownCurrency:
        return None
