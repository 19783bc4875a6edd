"""What orders tells the floors above."""

from dataclasses import dataclass
from uuid import UUID

from backend.kit.notices import Notice


@dataclass(frozen=True)
class OrderPaid(Notice):
    """The order is paid and its seats are sold: one ticket is owed for each unit of each line."""

    order_id: UUID


@dataclass(frozen=True)
class OrderFulfilled(Notice):
    """Every ticket of the order is final on chain."""

    order_id: UUID


@dataclass(frozen=True)
class OrderRefunding(Notice):
    """The money is going back; tickets of the order, if there are any, must lose their worth.

    Whoever hears it may refuse: then nothing of it happens.
    """

    order_id: UUID
    refund_id: UUID
    anyway: bool = False
    """Whether a ticket that was used does not stand in the way: a person decided so."""


@dataclass(frozen=True)
class OrderRefunded(Notice):
    """The provider has given the money back."""

    order_id: UUID


@dataclass(frozen=True)
class OrderDisputed(Notice):
    """Its payment is disputed: tickets of the order must neither move nor admit until that has ended."""

    order_id: UUID


@dataclass(frozen=True)
class OrderRestored(Notice):
    """The dispute ended well: tickets of the order are what they were."""

    order_id: UUID


@dataclass(frozen=True)
class OrderVoided(Notice):
    """The order's money is gone for good, or never was: its tickets are worth nothing."""

    order_id: UUID
