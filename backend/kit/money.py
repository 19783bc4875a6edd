"""Money as whole numbers of the currency's smallest unit. No floats, anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

# ISO 4217 minor-unit exponents that differ from the usual two places, and the tokens we take.
_NO_PLACES = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_PLACES = "BHD IQD JOD KWD LYD OMR TND"
_EXPONENTS = {
    **dict.fromkeys(_NO_PLACES.split(), 0),
    **dict.fromkeys(_THREE_PLACES.split(), 3),
    "BNB": 18,
    "BKS": 18,
    "NEAR": 24,
}
_TWO_PLACES = frozenset(
    [
        "AED",
        "ARS",
        "AUD",
        "BGN",
        "BRL",
        "CAD",
        "CHF",
        "CNY",
        "COP",
        "CZK",
        "DKK",
        "EGP",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "MAD",
        "MXN",
        "MYR",
        "NGN",
        "NOK",
        "NZD",
        "PEN",
        "PHP",
        "PLN",
        "QAR",
        "RON",
        "RSD",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TRY",
        "TWD",
        "UAH",
        "USD",
        "ZAR",
    ]
)


class UnknownCurrency(ValueError):
    """The code is neither an ISO 4217 currency we sell in nor a token we take."""


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were mixed."""


def exponent(currency: str) -> int:
    """Return how many decimal places the currency's smallest unit has (SEK 2, VND 0, BKS 18)."""
    if currency in _EXPONENTS:
        return _EXPONENTS[currency]
    if currency in _TWO_PLACES:
        return 2
    raise UnknownCurrency(currency)


def decimal_text(amount: int, places: int) -> str:
    """Write an amount of the smallest unit in whole ones, exactly and with all its places: 4_990 and 2 give `49.90`."""
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}" if places else f"{sign}{digits}"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the smallest unit of `currency`: `Money(4_990, "SEK")` is 49.90 kronor. May be negative."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        """Refuse floats, booleans and currencies without a known exponent."""
        if type(self.amount) is not int:
            raise TypeError(f"an amount is a whole number of minor units, not {self.amount!r}")
        exponent(self.currency)

    @property
    def exponent(self) -> int:
        """Decimal places of the currency's smallest unit."""
        return exponent(self.currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")

    def __add__(self, other: "Money") -> "Money":
        """Add within one currency."""
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Subtract within one currency."""
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __mul__(self, times: int) -> "Money":
        """Multiply by a whole number."""
        return Money(self.amount * times, self.currency)

    def __neg__(self) -> "Money":
        """Turn the sign."""
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        """Compare within one currency."""
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        """Compare within one currency."""
        self._same(other)
        return self.amount <= other.amount

    def __str__(self) -> str:
        """Write for people: `49.90 SEK`."""
        return f"{decimal_text(self.amount, self.exponent)} {self.currency}"


def allocate(amount: Money, weights: Sequence[int]) -> list[Money]:
    """Split `amount` by whole-number `weights` without losing or making a unit.

    Each share is rounded down toward zero; the units left over go one each to the largest remainders, the
    earlier weight first when they tie. Raises ValueError for no, negative or all-zero weights.
    """
    total = sum(weights)
    if not weights or total <= 0 or min(weights) < 0:
        raise ValueError("weights are whole numbers, none negative, not all zero")
    sign, size = (-1 if amount.amount < 0 else 1), abs(amount.amount)
    shares = [size * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(size * weights[i] % total), i))
    for i in by_remainder[: size - sum(shares)]:
        shares[i] += 1
    return [Money(sign * share, amount.currency) for share in shares]
