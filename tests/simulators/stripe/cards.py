"""Stripe's test cards, those we use: https://docs.stripe.com/testing. Real numbers are refused unread."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    """Why a card was refused."""

    code: str
    decline_code: str | None
    message: str


_ACCEPTED = frozenset({"4242424242424242", "5555555555554444", "378282246310005"})
_DECLINED = {
    "4000000000000002": Decline("card_declined", "generic_decline", "Your card was declined."),
    "4000000000009995": Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "4000000000000069": Decline("expired_card", None, "Your card has expired."),
    "4000000000000127": Decline("incorrect_cvc", None, "Your card's security code is incorrect."),
    "4000000000000119": Decline("processing_error", None, "An error occurred while processing your card."),
}
_UNKNOWN = Decline("card_declined", "test_mode_live_card", "Only Stripe's test cards work here: this is a simulator.")


def charge(number: str) -> Decline | None:
    """Return None when the card pays, else why not. Spaces and dashes do not matter."""
    digits = number.replace(" ", "").replace("-", "")
    return None if digits in _ACCEPTED else _DECLINED.get(digits, _UNKNOWN)
