"""Placing an order: one transaction that locks the tiers, holds the seats and starts the payment."""

import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.catalog.errors import UnknownTier
from backend.catalog.models import Event, Tier
from backend.kit import idempotency
from backend.kit.ids import new_id
from backend.kit.money import Money
from backend.orders import fees, limits, rules
from backend.orders.errors import EmailMissing, EmailNotForAccounts, NotSoldFor
from backend.orders.models import Order, OrderLine, OrderStatus
from backend.payments import service as payments
from backend.payments.rules import ON_CHAIN
from backend.settings import get_settings

_SCOPE = "orders.place"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys: an account with or without a wallet (20 bytes), or a guest known by an e-mail address."""

    account_id: UUID | None
    wallet: bytes | None
    email: str | None

    @classmethod
    def of(cls, account_id: UUID | None, wallet: bytes | None, email: str | None) -> "Buyer":
        """Make a buyer of either kind. Raises EmailMissing, EmailNotForAccounts."""
        if account_id is None and email is None:
            raise EmailMissing
        if account_id is not None and email is not None:
            raise EmailNotForAccounts
        return cls(account_id, wallet, rules.normalised_email(email) if email else None)

    @property
    def scope(self) -> str:
        """Whose Idempotency-Keys these are: the account's, or the guest's by a hash of the e-mail address."""
        if self.account_id is not None:
            return f"{_SCOPE}:{self.account_id}"
        return f"{_SCOPE}:guest:{hashlib.sha256((self.email or '').encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Wish:
    """How many tickets of which tier."""

    tier_id: UUID
    quantity: int


def place(
    session: Session,
    buyer: Buyer,
    event_id: UUID,
    wishes: list[Wish],
    provider: str,
    key: str,
    now: datetime,
    currency: str | None = None,
) -> tuple[Order, bool]:
    """Hold the seats and write the order; return it, and whether this request made it.

    `currency` None is the event's own. A repeat with the same `key` and body returns the first order. All or nothing:
    one tier that is sold out leaves the others as they were. Raises IdempotencyMismatch, UnknownEvent, UnknownTier,
    SalesSuspended, OverLimit, NotSoldFor, WalletMissing, OneTierPerQuote and what `catalog.service.hold` and
    `payments.service.start` raise.
    """
    wanted = Counter[UUID]()
    for wish in wishes:
        wanted[wish.tier_id] += wish.quantity
    body = {
        "event_id": event_id,
        "lines": sorted([str(tier_id), quantity] for tier_id, quantity in wanted.items()),
        "email": buyer.email,
        "provider": provider,
        # Left out as it always was where none is named: keys given before there was a choice stay good.
        **({"currency": currency} if currency else {}),
    }
    earlier = idempotency.begin(session, buyer.scope, key, body)
    if earlier is not None:
        return session.get_one(Order, earlier), False

    if provider == ON_CHAIN:
        rules.check_quotable(buyer.wallet, len(wanted))
    event = catalog.get_event(session, event_id)
    catalog.check_selling(event)
    # Sorted and locked first: two orders over the same tiers queue up instead of deadlocking, and what the buyer
    # already has cannot change between the count and the hold.
    tiers = {tier.id: tier for tier in catalog.lock_tiers(session, sorted(wanted))}
    for tier_id in wanted:
        if tier_id not in tiers or tiers[tier_id].event_id != event_id:
            raise UnknownTier(tier_id=str(tier_id))
    for tier_id in sorted(wanted):
        limits.check(session, tiers[tier_id], wanted[tier_id], account_id=buyer.account_id, email=buyer.email)
        catalog.hold(session, tier_id, wanted[tier_id], now)
    order = _write(session, buyer, event, wanted, _prices(tiers, currency or event.currency), now)
    idempotency.finish(session, buyer.scope, key, order.id)
    total = Money(order.total_minor, order.currency)
    payments.start(session, order.organisation_id, order.id, total, provider, now, order.expires_at)
    return order, True


def _prices(tiers: dict[UUID, Tier], currency: str) -> dict[UUID, Money]:
    """Return what one ticket of each tier costs in `currency`. Raises NotSoldFor."""
    found = {}
    for tier_id, tier in tiers.items():
        price = tier.price_in(currency)
        if price is None:
            raise NotSoldFor(tier_id=str(tier_id), currency=currency)
        found[tier_id] = price
    return found


def _write(
    session: Session,
    buyer: Buyer,
    event: Event,
    wanted: Counter[UUID],
    prices: dict[UUID, Money],
    now: datetime,
) -> Order:
    fee = fees.in_force()
    order_id = new_id()
    order = Order(
        id=order_id,
        organisation_id=event.organisation_id,
        event_id=event.id,
        number=rules.number_for(order_id),
        account_id=buyer.account_id,
        email=buyer.email,
        recipient=buyer.wallet,
        status=OrderStatus.AWAITING_PAYMENT,
        currency=next(iter(prices.values())).currency,
        total_minor=sum(prices[tier_id].amount * quantity for tier_id, quantity in wanted.items()),
        fee_schedule=fee.version,
        fee_bps=fee.fee_bps,
        placed_at=now,
        expires_at=now + timedelta(seconds=get_settings().hold_seconds),
        changed_at=now,
    )
    order.lines = [
        OrderLine(
            organisation_id=event.organisation_id,
            tier_id=tier_id,
            quantity=wanted[tier_id],
            unit_price_minor=prices[tier_id].amount,
        )
        for tier_id in sorted(wanted)
    ]
    session.add(order)
    session.flush()
    return order


def guest_secret(order_id: UUID) -> str:
    """Return what opens a guest's order: derived from the id, so it is stored nowhere."""
    key = get_settings().secret_key.encode()
    return hmac.new(key, f"order-secret:{order_id}".encode(), hashlib.sha256).hexdigest()
