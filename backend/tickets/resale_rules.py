"""What a promoter wants of resale and gifts, until it is signed: afterwards the collection has it on chain."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalog.errors import UnknownTier
from backend.catalog.models import Event, Tier
from backend.tickets.errors import FreezeInThePast, ListBelowPrice, TierTwice
from backend.tickets.models import ResaleRules

NO_GIFT_LIMIT = 255
"""Gifts are free, and ERC-721 approvals give: any marketplace settles as a gift then, past resale, cap and royalty."""
DEFAULT_GIFT_LIMIT = 4
"""Gifts between two sales, by the holder in person: enough for a family, and no other marketplace can settle."""
FULL_PRICE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Face:
    """What tickets of a tier are worth in the resale currency, and what they cost before a discount."""

    number: int
    face: int
    list_minor: int | None = None
    """Null: there is no discount."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The promoter's rules. The defaults: resale at no more than what was paid, and a few gifts, until doors open.

    A ticket admitted at the door can be sold on chain until its USED is mined there, so by default nothing changes
    hands from the moment doors open.
    """

    resale: bool = True
    cap_bps: int = FULL_PRICE_BPS
    gift_limit: int = DEFAULT_GIFT_LIMIT
    gift_cool_off_seconds: int = 0
    freeze_at: datetime | None = None
    max_per_wallet: int = 0
    currency: str = "BKS"
    tiers: tuple[Face, ...] = field(default_factory=tuple)
    freezes_at_doors: bool = True
    """Whether `freeze_at` is whenever the event's doors open; else it stands as stated, null: never."""


def state(session: Session, event: Event, wanted: Wanted, now: datetime) -> ResaleRules:
    """Write the rules down, replacing earlier ones.

    Raises UnknownTier, TierTwice, ListBelowPrice, FreezeInThePast.
    """
    if wanted.freeze_at is not None and not wanted.freezes_at_doors and wanted.freeze_at <= now:
        raise FreezeInThePast
    for number, times in Counter(face.number for face in wanted.tiers).items():
        if times > 1:
            raise TierTwice(tier=number)
    prices = {tier.number: tier.price_minor for tier in _tiers(session, event.id)}
    for face in wanted.tiers:
        if face.number not in prices:
            raise UnknownTier
        if face.list_minor is not None and face.list_minor < prices[face.number]:
            raise ListBelowPrice(tier=face.number)
    row = session.get(ResaleRules, event.id) or ResaleRules(event_id=event.id, organisation_id=event.organisation_id)
    row.resale, row.cap_bps = wanted.resale, wanted.cap_bps
    row.gift_limit, row.gift_cool_off_seconds = wanted.gift_limit, wanted.gift_cool_off_seconds
    row.freezes_at_doors, row.freeze_at = wanted.freezes_at_doors, wanted.freeze_at
    row.max_per_wallet, row.currency = wanted.max_per_wallet, wanted.currency
    row.tiers = [{"number": f.number, "face": str(f.face), "list_minor": f.list_minor} for f in wanted.tiers]
    row.updated_at = now
    session.add(row)
    session.flush()
    return row


def terms(session: Session, event: Event) -> Wanted:
    """Return what the promoter stated, or the defaults, with the doors as they stand now."""
    row = session.get(ResaleRules, event.id)
    wanted = Wanted() if row is None else _of_row(row)
    return replace(wanted, freeze_at=event.doors_at) if wanted.freezes_at_doors else wanted


def _of_row(row: ResaleRules) -> Wanted:
    return Wanted(
        row.resale,
        row.cap_bps,
        row.gift_limit,
        row.gift_cool_off_seconds,
        row.freeze_at,
        row.max_per_wallet,
        row.currency,
        tuple(Face(one["number"], int(one["face"]), one["list_minor"]) for one in row.tiers),
        row.freezes_at_doors,
    )


def as_signed(wanted: Wanted, hold_seconds: int) -> dict[str, Any]:
    """Return the contract's `Rules`. The hold is the platform's: it bears what is charged back."""
    return {
        "resale": wanted.resale,
        "capBps": wanted.cap_bps,
        "giftLimit": wanted.gift_limit,
        "giftCoolOff": wanted.gift_cool_off_seconds,
        "freezeAt": int(wanted.freeze_at.timestamp()) if wanted.freeze_at else 0,
        "resaleHold": hold_seconds,
        "maxPerWallet": wanted.max_per_wallet,
    }


def tiers_as_signed(wanted: Wanted, tiers: Sequence[Tier]) -> list[dict[str, Any]]:
    """Return the contract's `TierTerms`.

    What the promoter stated counts; else what the tier costs in that currency. A tier that has neither is left out:
    its tickets cannot be resold.
    """
    stated = {face.number: face for face in wanted.tiers}
    found = []
    for tier in tiers:
        face = stated.get(tier.number) or _as_priced(tier, wanted.currency)
        if face is not None:
            # A string, as it is signed and stored: beyond what JSON keeps exact.
            terms = {"tier": tier.number, "face": str(face.face), "paid": tier.price_minor}
            found.append(terms | {"list": face.list_minor or tier.price_minor})
    return found


def _as_priced(tier: Tier, currency: str) -> Face | None:
    """Return the tier's own price in the resale currency, where it is sold in that too."""
    price = next((price.amount for price in tier.prices if price.currency == currency), None)
    return None if price is None else Face(tier.number, price)


def _tiers(session: Session, event_id: UUID) -> Sequence[Tier]:
    return session.scalars(select(Tier).where(Tier.event_id == event_id).order_by(Tier.number)).all()
