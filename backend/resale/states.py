"""The vocabulary of resale."""

from enum import StrEnum


class Kind(StrEnum):
    """Who signed, and what for."""

    LISTING = "LISTING"  # the holder: whoever pays the price may have the ticket
    OFFER = "OFFER"  # a buyer: the holder may have the price
    TURN = "TURN"  # the box office: the holder may sell back, and this wallet is next


class Status(StrEnum):
    """Where a market order stands. Except for DRAFT it follows from facts, see `rules.standing`; nobody sets it."""

    DRAFT = "DRAFT"  # not signed yet
    LISTED = "LISTED"  # signed and good; for offers and turns too
    SETTLING = "SETTLING"  # sold in a block that may still be undone
    SETTLED = "SETTLED"  # sold for good
    WITHDRAWN = "WITHDRAWN"  # off this house; who kept the signature can still fill it on chain
    CANCELLED = "CANCELLED"  # dead: on chain, or a draft that nobody signed
    EXPIRED = "EXPIRED"
    INVALID = "INVALID"  # the market would refuse it; `reason` says why


class PlaceStatus(StrEnum):
    """Where a place in line stands; it follows from its moments, see `rules.place_status`."""

    WAITING = "WAITING"
    INVITED = "INVITED"  # a ticket may come: pay until `invited_until`
    READY = "READY"  # paid: the next ticket that is sold back is its
    SERVED = "SERVED"
    LEFT = "LEFT"
    LAPSED = "LAPSED"  # invited, and did not pay in time


class LogKind(StrEnum):
    """What a log of the market says about orders."""

    SOLD = "SOLD"
    CANCELLED = "CANCELLED"
    ALL_CANCELLED = "ALL_CANCELLED"


class CreditKind(StrEnum):
    """What a log of the market says of money that it keeps for somebody."""

    CREDITED = "CREDITED"
    WITHDRAWN = "WITHDRAWN"
