"""What goes over the wire about orders."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, EmailStr, Field

from backend.kit import money
from backend.kit.units import Units
from backend.orders.models import Order, OrderStatus
from backend.payments.models import Payment, PaymentStatus

_EXAMPLE_EVENT = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e01"
_EXAMPLE_TIER = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e02"
MOST_LINES = 20
MOST_TICKETS = 100

ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,30}$", description="A way to pay", examples=["stripe"])]


class _Strict(BaseModel):
    """A request: what it does not name is refused, so nobody slips in a price or a status."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class LineIn(_Strict):
    """How many tickets of which tier."""

    tier_id: UUID
    quantity: Annotated[int, Field(ge=1, le=MOST_TICKETS)]


class OrderIn(_Strict):
    """What to buy. Prices and totals are the server's."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"event_id": _EXAMPLE_EVENT, "lines": [{"tier_id": _EXAMPLE_TIER, "quantity": 2}]},
                {
                    "event_id": _EXAMPLE_EVENT,
                    "lines": [{"tier_id": _EXAMPLE_TIER, "quantity": 1}],
                    "email": "ada@example.org",
                },
                {
                    "event_id": _EXAMPLE_EVENT,
                    "lines": [{"tier_id": _EXAMPLE_TIER, "quantity": 2}],
                    "provider": "crypto",
                    "currency": "BKS",
                },
            ]
        },
    )

    event_id: UUID
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MOST_LINES)]
    email: EmailStr | None = Field(None, max_length=254, description="Guests only")
    provider: ProviderName = "stripe"
    currency: Annotated[str, Field(max_length=8)] | None = Field(
        None, description="The event's own when left out; BNB or BKS with provider `crypto`", examples=["BKS"]
    )


class PaymentIn(_Strict):
    """How to pay."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"provider": "stripe"}]})

    provider: ProviderName = "stripe"


class RefundIn(_Strict):
    """Why the money goes back."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "event_moved"}]})

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,40}$", description="One short word, kept with the refund")]
    anyway: bool = Field(
        default=False,
        description="Although a ticket was used; not one given or sold on, nor bought on chain",
    )


class LineOut(BaseModel):
    """One line of an order."""

    line_id: UUID
    tier_id: UUID
    quantity: int
    unit_price_minor: Units = Field(description="In the currency's smallest unit", examples=["49900"])


class PaymentOut(BaseModel):
    """The order's latest payment attempt."""

    payment_id: UUID
    provider: str
    attempt: int
    status: PaymentStatus
    checkout_url: str | None = Field(description="Where the buyer pays, once the provider has opened it")


class OrderOut(BaseModel):
    """An order as its buyer, its promoter and admins see it. The buyer's e-mail address is not part of it."""

    order_id: UUID
    number: str = Field(examples=["7Q2K-09XD-M4TB"])
    event_id: UUID
    status: OrderStatus
    currency: str = Field(examples=["SEK"])
    exponent: int = Field(description="Decimal places of the currency's smallest unit", examples=[2])
    total_minor: Units = Field(description="In the currency's smallest unit", examples=["99800"])
    lines: list[LineOut]
    recipient: str | None = Field(description="The wallet the tickets go to; null: they wait for a claim code")
    placed_at: datetime
    expires_at: datetime = Field(description="Until when the seats are held")
    paid_at: datetime | None
    tickets_overdue_since: datetime | None = Field(
        description="Paid, but its tickets are late on a busy network: they come by themselves, or the money goes "
        "back. Null again when all are minted or given up"
    )
    payment: PaymentOut | None

    @classmethod
    def of(cls, order: Order, payment: Payment | None) -> "OrderOut":
        """Describe `order` and its latest payment attempt."""
        return cls(
            order_id=order.id,
            number=order.number,
            event_id=order.event_id,
            status=OrderStatus(order.status),
            currency=order.currency,
            exponent=money.exponent(order.currency),
            total_minor=order.total_minor,
            lines=[
                LineOut(
                    line_id=line.id,
                    tier_id=line.tier_id,
                    quantity=line.quantity,
                    unit_price_minor=line.unit_price_minor,
                )
                for line in order.lines
            ],
            recipient=f"0x{order.recipient.hex()}" if order.recipient is not None else None,
            placed_at=order.placed_at,
            expires_at=order.expires_at,
            paid_at=order.paid_at,
            tickets_overdue_since=order.tickets_overdue_since,
            payment=payment_out(payment) if payment is not None else None,
        )


class PlacedOut(BaseModel):
    """A placed order and, for a guest, the secret that opens it."""

    order: OrderOut
    order_secret: str | None = Field(
        description="Guests only, and only in this response (and its repeats until the order is paid): send it as "
        "X-Order-Secret to see, pay or cancel the order"
    )


class CancelOut(BaseModel):
    """A cancellation under way: the seats are given back once the provider confirms that no money can come."""

    order_id: UUID
    status: OrderStatus
    cancelling: Literal[True] = True


def payment_out(payment: Payment) -> PaymentOut:
    """Describe a payment attempt."""
    return PaymentOut(
        payment_id=payment.id,
        provider=payment.provider,
        attempt=payment.attempt,
        status=PaymentStatus(payment.status),
        checkout_url=payment.checkout_url,
    )
