"""Writing venues, events and tiers. Whoever edits holds the event's lock, so totals are counted once.

Version: every change to an event or to the terms of its tiers raises `Event.version`; an editor names the version it
read (`If-Match`) and is refused when somebody else came first.

What freezes when. The currency: with the first tier. The set of tiers and their names: when the event's collection is
made (`fix_supply`), because they are written on chain and in its metadata. The prices: once on sale, because people
bought at it; another price is another event's tier. Quantity (not below what is sold, nor above the collection's
supply), sale window and limit per account stay changeable until the event closes.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.catalog import rules
from backend.catalog.errors import TermsFrozen, UnknownTier, UnknownVenue, VersionChanged
from backend.catalog.models import Event, EventStatus, Tier, TierPrice, Venue
from backend.catalog.service import lock_event, total_quantity
from backend.kit import db

_PRICES = "prices"


def add_venue(session: Session, organisation_id: UUID, terms: Mapping[str, Any], now: datetime) -> Venue:
    """Write down a venue. `terms`: name, address, capacity (people, at least one)."""
    venue = Venue(organisation_id=organisation_id, created_at=now, **terms)
    session.add(venue)
    session.flush()
    return venue


def create_event(session: Session, organisation_id: UUID, terms: Mapping[str, Any], now: datetime) -> Event:
    """Write a DRAFT. `terms`: title, description, venue_id, zone, doors_at, starts_at, ends_at, currency.

    Raises BadDates, BadZone, CurrencyNotSold, UnknownVenue.
    """
    event = Event(organisation_id=organisation_id, status=EventStatus.DRAFT.value, version=1, created_at=now, **terms)
    _check_event(session, event, now)
    session.add(event)
    session.flush()
    return event


def change_event(session: Session, event_id: UUID, version: int, changes: Mapping[str, Any], now: datetime) -> Event:
    """Apply `changes` to the event if it is still at `version`.

    Raises UnknownEvent, VersionChanged, WrongStatus, TermsFrozen and what `create_event` raises.
    """
    event = _editable(session, event_id, version)
    if changes.get("currency", event.currency) != event.currency and total_quantity(session, event_id):
        raise TermsFrozen(field="currency")
    with session.no_autoflush:
        for name, value in changes.items():
            setattr(event, name, value)
        _check_event(session, event, now)
    event.version += 1
    session.flush()
    return event


def _check_event(session: Session, event: Event, now: datetime) -> None:
    rules.check_dates(event.doors_at, event.starts_at, event.ends_at, now)
    rules.check_zone(event.zone)
    rules.check_currency(event.currency)
    capacity = _capacity(session, event)
    rules.check_totals(total_quantity(session, event.id) if event.id else 0, capacity, event.max_supply)


def _capacity(session: Session, event: Event) -> int | None:
    if event.venue_id is None:
        return None
    venue = session.get(Venue, event.venue_id)
    if venue is None or venue.organisation_id != event.organisation_id:
        raise UnknownVenue
    return venue.capacity


def add_tier(session: Session, event_id: UUID, terms: Mapping[str, Any], now: datetime) -> Tier:
    """Add the next tier. `terms`: name, price_minor, quantity, sale_starts_at, sale_ends_at, per_account_limit, prices.

    Raises UnknownEvent, WrongStatus, TermsFrozen once the supply is fixed, TooManyTiers, and what is wrong with it.
    """
    event = lock_event(session, event_id)
    rules.check_editable(event.status)
    if event.max_supply is not None:
        raise TermsFrozen(field="tiers")
    last = session.scalar(select(func.max(Tier.number)).where(Tier.event_id == event_id)) or 0
    rules.check_tier_count(last)
    tier = Tier(
        organisation_id=event.organisation_id,
        event_id=event_id,
        number=last + 1,
        currency=event.currency,
        held=0,
        paid=0,
        on_sale=False,
        created_at=now,
        **{name: value for name, value in terms.items() if name != _PRICES},
    )
    _check_tier(session, event, tier, before=0)
    _state_prices(tier, terms.get(_PRICES, {}))
    session.add(tier)
    event.version += 1
    session.flush()
    return tier


def change_tier(session: Session, event_id: UUID, tier_id: UUID, version: int, changes: Mapping[str, Any]) -> Tier:
    """Apply `changes` to a tier if its event is still at `version`; the tier is locked, so no sale slips between.

    Raises UnknownEvent, UnknownTier, VersionChanged, WrongStatus, TermsFrozen, BelowSold, and what is wrong with it.
    """
    event = _editable(session, event_id, version)
    tier = db.locked(session, Tier, tier_id)
    if tier is None or tier.event_id != event_id:
        raise UnknownTier
    on_sale = event.status == EventStatus.ON_SALE
    if on_sale and _PRICES in changes and changes[_PRICES] != _stated(tier):
        raise TermsFrozen(field=_PRICES)
    for name, is_frozen in {"name": event.max_supply is not None, "price_minor": on_sale}.items():
        if is_frozen and changes.get(name, getattr(tier, name)) != getattr(tier, name):
            raise TermsFrozen(field=name)
    before = tier.quantity
    with session.no_autoflush:
        for name, value in changes.items():
            if name == _PRICES:
                _state_prices(tier, value)
            else:
                setattr(tier, name, value)
        _check_tier(session, event, tier, before)
    event.version += 1
    session.flush()
    return tier


def _state_prices(tier: Tier, prices: Mapping[str, int]) -> None:
    for amount in prices.values():
        rules.check_token_price(amount)
    kept = {price.currency: price for price in tier.prices}
    tier.prices = [
        kept.get(currency) or TierPrice(organisation_id=tier.organisation_id, currency=currency)
        for currency in sorted(prices)
    ]
    for price in tier.prices:
        price.amount = prices[price.currency]


def _stated(tier: Tier) -> dict[str, int]:
    return {price.currency: price.amount for price in tier.prices}


def _check_tier(session: Session, event: Event, tier: Tier, before: int) -> None:
    rules.check_quantity(tier.quantity, tier.held + tier.paid)
    rules.check_price(tier.price_minor)
    rules.check_limit(tier.per_account_limit, tier.quantity)
    rules.check_sale_window(tier.sale_starts_at, tier.sale_ends_at)
    total = total_quantity(session, event.id) - before + tier.quantity
    rules.check_totals(total, _capacity(session, event), event.max_supply)


def _editable(session: Session, event_id: UUID, version: int) -> Event:
    event = lock_event(session, event_id)
    if event.version != version:
        raise VersionChanged(version=event.version)
    rules.check_editable(event.status)
    return event
