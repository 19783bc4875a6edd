"""An event on sale, buyers and orders, with defaults that sell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from backend.catalog.models import Event, EventStatus, Tier
from backend.kit.money import Money
from backend.orders.models import Order
from backend.orders.place import Buyer, Wish, place
from backend.payments import registry
from backend.payments.port import (
    BeginRequest,
    Begun,
    ProviderDispute,
    ProviderPayment,
    RefundOutcome,
    RefundResult,
    Seen,
)
from tests.factories.catalog import make_event, make_tier


@dataclass(frozen=True)
class Sale:
    """An event on sale with one or more tiers."""

    event: Event
    tiers: list[Tier]

    @property
    def tier(self) -> Tier:
        return self.tiers[0]


def make_sale(
    session: Session,
    quantities: tuple[int, ...] = (50,),
    price_minor: int = 49_900,
    limit: int | None = None,
    status: EventStatus = EventStatus.ON_SALE,
) -> Sale:
    event = make_event(session, status=status)
    tiers = [
        make_tier(session, event, quantity=quantity, price_minor=price_minor, per_account_limit=limit)
        for quantity in quantities
    ]
    return Sale(event, tiers)


def guest(email: str = "ada@example.org") -> Buyer:
    return Buyer.of(None, None, email)


def make_order(session: Session, sale: Sale, now: datetime, quantity: int = 2, buyer: Buyer | None = None) -> Order:
    """Place an order over `quantity` tickets of every tier of the sale."""
    wishes = [Wish(tier.id, quantity) for tier in sale.tiers]
    order, is_new = place(
        session, buyer or guest(f"{uuid4()}@example.org"), sale.event.id, wishes, "stripe", str(uuid4()), now
    )
    assert is_new
    return order


class Till:
    """A payment provider in memory, for as long as the block lasts. Tests say what the buyer did."""

    name = "stripe"
    livemode = False

    def __init__(self) -> None:
        self.sessions: dict[str, tuple[BeginRequest, Seen]] = {}
        self.refunds: dict[UUID, Money] = {}
        self.disputes: dict[str, ProviderDispute] = {}
        self.paid_while_expiring: set[str] = set()

    def __enter__(self) -> Self:
        registry.use("stripe", self)
        return self

    def __exit__(self, *_: object) -> None:
        registry.use("stripe", None)

    def begin(self, request: BeginRequest) -> Begun:
        reference = f"cs_{request.payment_id.hex}"
        self.sessions.setdefault(reference, (request, Seen.OPEN))
        return Begun(reference, f"http://till/{reference}", request.expires_at)

    def fetch(self, reference: str) -> ProviderPayment:
        request, seen = self.sessions[reference]
        return ProviderPayment(
            reference, seen, request.amount, request.payment_id, request.reference_id, livemode=False
        )

    def expire(self, reference: str) -> bool:
        request, seen = self.sessions[reference]
        if reference in self.paid_while_expiring:
            seen = Seen.PAID
        elif seen is Seen.OPEN:
            seen = Seen.EXPIRED
        self.sessions[reference] = (request, seen)
        return seen is not Seen.PAID

    def refund(self, _reference: str, amount: Money, key: UUID) -> RefundResult:
        self.refunds[key] = amount
        return RefundResult(f"re_{key.hex}", RefundOutcome.SUCCEEDED, amount, key)

    def fetch_refund(self, reference: str) -> RefundResult:
        key = UUID(reference.removeprefix("re_"))
        return RefundResult(reference, RefundOutcome.SUCCEEDED, self.refunds[key], key)

    def fetch_dispute(self, reference: str) -> ProviderDispute:
        return self.disputes[reference]

    def read_webhook(self, raw: bytes, headers: object) -> object:
        raise NotImplementedError

    def mark(self, payment_id: UUID, seen: Seen) -> None:
        reference = f"cs_{payment_id.hex}"
        self.sessions[reference] = (self.sessions[reference][0], seen)
