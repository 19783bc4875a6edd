"""HTTP: what is on for everybody; writing, publishing and closing for the organisation's promoters."""

import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backend.accounts import grants
from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import AddressText, parse_address, show_address
from backend.accounts.errors import NoSuchGrant, NotYourOrganisation
from backend.catalog import edit, rules, service
from backend.catalog.errors import (
    BadDates,
    BadLimit,
    BadPrice,
    BadQuantity,
    BadSaleWindow,
    BadZone,
    BelowSold,
    CurrencyNotSold,
    EventOver,
    FreeTickets,
    HasSales,
    OverCapacity,
    OverSupply,
    TermsFrozen,
    TooManyTiers,
    UnknownEvent,
    UnknownTier,
    UnknownVenue,
    VersionChanged,
    VersionRequired,
    WrongStatus,
)
from backend.catalog.models import Event, EventStatus, Tier, Venue
from backend.catalog.schemas import (
    EventChange,
    EventShown,
    EventSummary,
    Moment,
    NewEvent,
    NewTier,
    NewVenue,
    StewardRequest,
    StewardShown,
    TierChange,
    TierShown,
    VenueShown,
    summary,
)
from backend.kit import db, pages
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import responses

router = APIRouter(prefix="/v1")

Promoter = Annotated[Principal, allow(Role.PROMOTER)]
Anybody = Annotated[Principal | None, allow(Role.PUBLIC)]
IfMatch = Annotated[
    str | None, Header(description="The version you read: the event's ETag", examples=['"3"'], max_length=40)
]

_EVENT = (BadDates, BadZone, CurrencyNotSold, UnknownVenue, OverCapacity)
_TIER = (BadQuantity, BadPrice, FreeTickets, BadLimit, BadSaleWindow, OverCapacity)
_VERSIONED = (VersionRequired, VersionChanged, UnknownEvent, WrongStatus, TermsFrozen)


@router.post("/venues", tags=["promoter"], status_code=201, responses=responses(NotYourOrganisation))
def add_venue(body: NewVenue, principal: Promoter, session: SessionDep, now: NowDep) -> VenueShown:
    """Write down a venue."""
    principal.must_manage(body.organisation_id)
    db.act_for(session, body.organisation_id)
    terms = body.model_dump(exclude={"organisation_id"})
    return VenueShown.of(edit.add_venue(session, body.organisation_id, terms, now))


@router.get("/venues", tags=["promoter"], responses=responses(NotYourOrganisation, pages.BadCursor))
def list_venues(
    principal: Promoter, session: SessionDep, params: pages.PageParams, organisation_id: Annotated[UUID, Query()]
) -> pages.Page[VenueShown]:
    """List the organisation's venues."""
    principal.must_manage(organisation_id)
    db.act_for(session, organisation_id)
    query = select(Venue).where(Venue.organisation_id == organisation_id)
    rows, cursor = pages.paginate(session, query, [Venue.created_at, Venue.id], params)
    return pages.Page[VenueShown](items=[VenueShown.of(row) for row in rows], next_cursor=cursor)


@router.post("/events", tags=["promoter"], status_code=201, responses=responses(NotYourOrganisation, *_EVENT))
def create_event(
    body: NewEvent, principal: Promoter, session: SessionDep, now: NowDep, response: Response
) -> EventShown:
    """Write an event as a DRAFT."""
    principal.must_manage(body.organisation_id)
    db.act_for(session, body.organisation_id)
    event = edit.create_event(session, body.organisation_id, body.model_dump(exclude={"organisation_id"}), now)
    return _show(session, event, principal, response)


@router.patch("/events/{event_id}", tags=["promoter"], responses=responses(*_VERSIONED, OverSupply, *_EVENT))
def change_event(
    *,
    event_id: UUID,
    body: EventChange,
    principal: Promoter,
    session: SessionDep,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> EventShown:
    """Change an event that is not closed. Needs `If-Match`."""
    version = _version(if_match)
    _enter(session, event_id, principal)
    event = edit.change_event(session, event_id, version, body.model_dump(exclude_unset=True), now)
    return _show(session, event, principal, response)


@router.get("/events", tags=["events"], responses=responses(pages.BadCursor))
def list_events(
    *,
    principal: Anybody,
    session: SessionDep,
    params: pages.PageParams,
    status: Annotated[EventStatus | None, Query()] = None,
    organisation_id: Annotated[UUID | None, Query()] = None,
    starts_from: Annotated[Moment | None, Query(description="Not before")] = None,
    starts_until: Annotated[Moment | None, Query(description="Before")] = None,
) -> pages.Page[EventSummary]:
    """List published events by their start; a promoter sees the drafts of its own organisations too."""
    visible = Event.status.in_([published.value for published in rules.PUBLISHED])
    if principal is None:
        query = select(Event).where(visible)
    elif Role.ADMIN in principal.roles:
        query = select(Event)
    else:
        query = select(Event).where(or_(visible, Event.organisation_id.in_(principal.organisations)))
    if status is not None:
        query = query.where(Event.status == status.value)
    if organisation_id is not None:
        query = query.where(Event.organisation_id == organisation_id)
    if starts_from is not None:
        query = query.where(Event.starts_at >= starts_from)
    if starts_until is not None:
        query = query.where(Event.starts_at < starts_until)
    rows, cursor = pages.paginate(session, query, [Event.starts_at, Event.id], params)
    return pages.Page[EventSummary](items=[summary(row) for row in rows], next_cursor=cursor)


@router.get("/events/{event_id}", tags=["events"], responses=responses(UnknownEvent))
def get_event(event_id: UUID, principal: Anybody, session: SessionDep, response: Response) -> EventShown:
    """Show a published event, or one of your organisation's. The ETag is its version."""
    event = service.get_event(session, event_id)
    inside = principal is not None and principal.manages(event.organisation_id)
    if not inside and event.status not in rules.PUBLISHED:
        raise UnknownEvent
    return _show(session, event, principal, response)


@router.post(
    "/events/{event_id}/tiers",
    tags=["promoter"],
    status_code=201,
    responses=responses(UnknownEvent, WrongStatus, TermsFrozen, TooManyTiers, *_TIER),
)
def add_tier(event_id: UUID, body: NewTier, principal: Promoter, session: SessionDep, now: NowDep) -> TierShown:
    """Add a tier, until the event's collection is made."""
    _enter(session, event_id, principal)
    return TierShown.of(edit.add_tier(session, event_id, body.model_dump(), now), inside=True)


@router.patch(
    "/events/{event_id}/tiers/{tier_id}",
    tags=["promoter"],
    responses=responses(*_VERSIONED, UnknownTier, BelowSold, OverSupply, *_TIER),
)
def change_tier(
    *,
    event_id: UUID,
    tier_id: UUID,
    body: TierChange,
    principal: Promoter,
    session: SessionDep,
    if_match: IfMatch = None,
) -> TierShown:
    """Change a tier. Needs `If-Match` with the event's version. The price is frozen once the event is on sale."""
    version = _version(if_match)
    _enter(session, event_id, principal)
    tier = edit.change_tier(session, event_id, tier_id, version, body.model_dump(exclude_unset=True))
    return TierShown.of(tier, inside=True)


@router.post("/events/{event_id}/publish", tags=["promoter"], responses=responses(UnknownEvent, WrongStatus, EventOver))
def publish(event_id: UUID, principal: Promoter, session: SessionDep, now: NowDep, response: Response) -> EventShown:
    """Open the sale. The event must be READY: its collection is live.

    `metadata_frozen` says whether what tickets show can still change: freeze it before anybody buys.
    """
    _enter(session, event_id, principal)
    return _show(session, service.publish(session, event_id, now), principal, response)


@router.post("/events/{event_id}/close", tags=["promoter"], responses=responses(UnknownEvent, WrongStatus))
def close(event_id: UUID, principal: Promoter, session: SessionDep, response: Response) -> EventShown:
    """End the sale for good. Tickets stay good."""
    _enter(session, event_id, principal)
    return _show(session, service.close(session, event_id), principal, response)


@router.post("/events/{event_id}/cancel", tags=["promoter"], responses=responses(UnknownEvent, WrongStatus, HasSales))
def cancel(event_id: UUID, principal: Promoter, session: SessionDep, response: Response) -> EventShown:
    """Call off an event of which no ticket is held or paid."""
    _enter(session, event_id, principal)
    return _show(session, service.cancel(session, event_id), principal, response)


@router.post("/events/{event_id}/stewards", tags=["promoter"], status_code=201, responses=responses(UnknownEvent))
def add_steward(
    event_id: UUID, body: StewardRequest, principal: Promoter, session: SessionDep, now: NowDep
) -> StewardShown:
    """Let the wallet's owner work the door of this event."""
    event = _enter(session, event_id, principal)
    address = parse_address(body.address)
    grant = grants.grant(
        session,
        address,
        Role.STEWARD,
        principal.account_id,
        now,
        organisation_id=event.organisation_id,
        event_id=event_id,
    )
    return StewardShown(event_id=event_id, account_id=grant.account_id, address=show_address(address))


@router.delete(
    "/events/{event_id}/stewards/{address}",
    tags=["promoter"],
    status_code=204,
    responses=responses(UnknownEvent, NoSuchGrant),
)
def remove_steward(
    event_id: UUID, address: Annotated[AddressText, Path()], principal: Promoter, session: SessionDep
) -> None:
    """Take the door of this event from the wallet's owner, from the next request on."""
    event = _enter(session, event_id, principal)
    grants.revoke(
        session,
        parse_address(address),
        Role.STEWARD,
        principal.account_id,
        organisation_id=event.organisation_id,
        event_id=event_id,
    )


def _enter(session: Session, event_id: UUID, principal: Principal) -> Event:
    """Return the event if the caller manages it, and act for its organisation from here on."""
    event = service.get_event(session, event_id)
    if not principal.manages(event.organisation_id):
        # What others are drafting is not even admitted to be there.
        raise UnknownEvent
    db.act_for(session, event.organisation_id)
    return event


def _version(if_match: str | None) -> int:
    if if_match is None:
        raise VersionRequired
    form = re.fullmatch(r'"?(\d{1,9})"?', if_match.strip())
    if form is None:
        raise VersionChanged
    return int(form[1])


def _show(session: Session, event: Event, principal: Principal | None, response: Response) -> EventShown:
    response.headers["ETag"] = f'"{event.version}"'
    venue = session.get(Venue, event.venue_id) if event.venue_id else None
    tiers = list(session.scalars(select(Tier).where(Tier.event_id == event.id).order_by(Tier.number)))
    inside = principal is not None and principal.manages(event.organisation_id)
    return EventShown.of(event, venue, tiers, inside=inside)
