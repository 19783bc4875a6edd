"""The line for tickets of a sold-out tier: taking a place, being invited to pay, and whose turn it is.

Who has paid goes before who has not; among these the number decides. Every step locks the tier first, so numbers have
no gaps and two sellers never get the same place (docs/decisions/0014-line.md).
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from backend.catalog import service as catalog
from backend.catalog.errors import UnknownTier
from backend.catalog.models import Tier
from backend.kit import logs
from backend.resale import rules
from backend.resale.errors import AlreadyInLine, NotInvited, PlacePaid, PlaceUnknown, TierAvailable
from backend.resale.models import LinePlace, MarketOrder
from backend.resale.rules import Moments
from backend.resale.signing import Person
from backend.resale.states import PlaceStatus, Status

INVITATION_LIFE = timedelta(hours=24)
_WAITS = and_(LinePlace.served_at.is_(None), LinePlace.left_at.is_(None), LinePlace.lapsed_at.is_(None))
_log = logs.get(__name__)


def lock(session: Session, tier_id: UUID) -> Tier:
    """Lock the tier, and with it its line, until the transaction ends. Raises UnknownTier."""
    found = catalog.lock_tiers(session, [tier_id])
    if not found:
        raise UnknownTier
    return found[0]


def join(session: Session, tier_id: UUID, person: Person, quantity: int, now: datetime) -> LinePlace:
    """Put a person at the end of a sold-out tier's line. Raises UnknownTier, TierAvailable, AlreadyInLine."""
    tier = lock(session, tier_id)
    if tier.free > 0:
        raise TierAvailable(left=tier.free)
    return _stand(session, tier, person.wallet, now, account_id=person.account_id, quantity=quantity)


def put(session: Session, tier_id: UUID, wallet: bytes, now: datetime) -> LinePlace:
    """Put a wallet there that has paid the box office. Raises UnknownTier, AlreadyInLine."""
    place = _stand(session, lock(session, tier_id), wallet, now)
    place.paid_at = now
    session.flush()
    return place


def leave(session: Session, person: Person, place_id: UUID, now: datetime) -> None:
    """Give the person's own place up. Raises PlaceUnknown, PlacePaid."""
    place = of_person(session, person, place_id)
    lock(session, place.tier_id)
    session.refresh(place)
    _check_waits(place)
    if place.paid_at is not None:
        raise PlacePaid
    place.left_at = now


def remove(session: Session, event_id: UUID, place_id: UUID, now: datetime) -> None:
    """Take a place away; a turn that names it already stays good until it expires. Raises PlaceUnknown."""
    _of_event(session, event_id, place_id).left_at = now


def paid(session: Session, event_id: UUID, place_id: UUID, now: datetime) -> LinePlace:
    """Note that an invited place was paid for. Twice is once. Raises PlaceUnknown, NotInvited."""
    place = _of_event(session, event_id, place_id)
    status = status_of(place, now)
    if status not in {PlaceStatus.INVITED, PlaceStatus.READY}:
        raise NotInvited(status=status)
    place.paid_at = place.paid_at or now
    session.flush()
    return place


def invite(session: Session, tier_id: UUID, now: datetime) -> datetime | None:
    """Invite the first who has not paid, unless somebody is invited; return until when. The caller holds `lock`.

    An invitation that has passed goes on to the next in line.
    """
    places = session.scalars(
        select(LinePlace)
        .where(LinePlace.tier_id == tier_id, LinePlace.paid_at.is_(None), _WAITS)
        .order_by(LinePlace.number)
        .execution_options(populate_existing=True)
    )
    for place in places:
        if place.invited_until is None:
            place.invited_until = now + INVITATION_LIFE
            _log.info("invited", place_id=str(place.id), tier_id=str(tier_id))
        if place.invited_until >= now:
            session.flush()
            return place.invited_until
        place.lapsed_at = now
        _log.info("invitation_lapsed", place_id=str(place.id), tier_id=str(tier_id))
    session.flush()
    return None


def lapsed(session: Session, now: datetime) -> list[UUID]:
    """Return the tiers in whose line an invitation has passed."""
    query = select(LinePlace.tier_id).where(LinePlace.invited_until < now, LinePlace.paid_at.is_(None), _WAITS)
    return list(session.scalars(query.distinct()))


def next_ready(session: Session, tier_id: UUID, seller: bytes, chain_time: datetime | None) -> LinePlace | None:
    """Return the first place that has paid and lacks a ticket, the seller's own left out. The caller holds `lock`.

    A turn takes one ticket of its place: for good once it is sold, and else until its deadline lies in blocks that are
    final and indexed. A signature cannot be taken back; until then its sale may still come to light.
    """
    unsettled = MarketOrder.status.not_in([Status.SETTLING, Status.SETTLED])
    over = and_(unsettled, MarketOrder.expires_at < chain_time) if chain_time is not None else None
    taken = select(func.count()).where(MarketOrder.place_id == LinePlace.id)
    if over is not None:
        taken = taken.where(~over)
    query = select(LinePlace).where(
        LinePlace.tier_id == tier_id,
        LinePlace.paid_at.is_not(None),
        _WAITS,
        LinePlace.wallet != seller,
        taken.correlate(LinePlace).scalar_subquery() < LinePlace.quantity,
    )
    return session.scalars(
        query.order_by(LinePlace.number).limit(1).execution_options(populate_existing=True)
    ).one_or_none()


def status_of(place: LinePlace, now: datetime) -> PlaceStatus:
    """Return where a place stands."""
    moments = Moments(place.invited_until, place.paid_at, place.served_at, place.left_at, place.lapsed_at)
    return rules.place_status(moments, now)


def position(session: Session, place: LinePlace) -> int | None:
    """Return how many would be served before it, plus one; None when it waits no more."""
    if place.served_at or place.left_at or place.lapsed_at:
        return None
    other = aliased(LinePlace)
    before: ColumnElement[bool] = other.number < place.number
    if place.paid_at is not None:
        before = and_(before, other.paid_at.is_not(None))
    else:
        before = or_(before, other.paid_at.is_not(None))
    waits = (other.served_at.is_(None), other.left_at.is_(None), other.lapsed_at.is_(None))
    query = select(func.count()).select_from(other).where(other.tier_id == place.tier_id, before, *waits)
    return 1 + (session.scalar(query) or 0)


def served(session: Session, place_ids: set[UUID], now: datetime) -> None:
    """Close the places that have had their last ticket for good."""
    settled = (
        select(func.count())
        .where(MarketOrder.place_id == LinePlace.id, MarketOrder.status == Status.SETTLED)
        .correlate(LinePlace)
        .scalar_subquery()
    )
    query = select(LinePlace).where(LinePlace.id.in_(place_ids), settled >= LinePlace.quantity)
    for place in session.scalars(query.order_by(LinePlace.id).with_for_update(key_share=True)):
        place.served_at = place.served_at or now


def of_person(session: Session, person: Person, place_id: UUID) -> LinePlace:
    """Return the person's own place. Raises PlaceUnknown."""
    place = session.get(LinePlace, place_id)
    if place is None or place.account_id != person.account_id:
        raise PlaceUnknown
    return place


def _of_event(session: Session, event_id: UUID, place_id: UUID) -> LinePlace:
    """Return a waiting place of the event with its line locked. Raises PlaceUnknown."""
    place = session.get(LinePlace, place_id)
    if place is None or place.event_id != event_id:
        raise PlaceUnknown
    lock(session, place.tier_id)
    session.refresh(place)
    _check_waits(place)
    return place


def _check_waits(place: LinePlace) -> None:
    if place.served_at or place.left_at or place.lapsed_at:
        raise PlaceUnknown


def _stand(
    session: Session,
    tier: Tier,
    wallet: bytes,
    now: datetime,
    *,
    account_id: UUID | None = None,
    quantity: int = 1,
) -> LinePlace:
    same = LinePlace.wallet == wallet
    if account_id is not None:
        same = or_(same, LinePlace.account_id == account_id)
    standing = session.scalars(select(LinePlace.id).where(LinePlace.tier_id == tier.id, _WAITS, same).limit(1)).first()
    if standing is not None:
        raise AlreadyInLine(place_id=str(standing))
    last = session.scalar(select(func.max(LinePlace.number)).where(LinePlace.tier_id == tier.id)) or 0
    place = LinePlace(
        organisation_id=tier.organisation_id,
        event_id=tier.event_id,
        tier_id=tier.id,
        number=last + 1,
        account_id=account_id,
        wallet=wallet,
        quantity=quantity,
        joined_at=now,
    )
    session.add(place)
    session.flush()
    return place
