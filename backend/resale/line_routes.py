"""The line for tickets that come back, over HTTP: fans take and give up places; the promoter says who has paid."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, status
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import parse_address
from backend.accounts.errors import NotYourOrganisation
from backend.catalog import rules as catalog_rules
from backend.catalog import service as catalog
from backend.catalog.errors import EventOver, UnknownEvent, UnknownTier
from backend.catalog.models import Tier
from backend.chain import registry
from backend.chain.port import ChainUnreachable
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.resale import line, sell_back
from backend.resale.errors import AlreadyInLine, NotInvited, PlacePaid, PlaceUnknown, TierAvailable
from backend.resale.line_schemas import JoinIn, PlaceIn, PlaceOut
from backend.resale.models import LinePlace
from backend.resale.order_routes import PERSON, Fan
from backend.resale.signing import Person
from backend.tickets import receivers
from backend.tickets.errors import CollectionUnknown, ReceiverRefused
from backend.tickets.models import Collection

router = APIRouter(tags=["line"])

Promoter = Annotated[Principal, allow(Role.PROMOTER)]
_MANAGING = (Unauthenticated, Forbidden, NotYourOrganisation, UnknownEvent)


@router.post(
    "/v1/events/{event_id}/line",
    status_code=status.HTTP_201_CREATED,
    summary="Stand in line for a ticket of a sold-out tier",
    responses=responses(
        *PERSON,
        UnknownEvent,
        UnknownTier,
        EventOver,
        CollectionUnknown,
        TierAvailable,
        AlreadyInLine,
        ReceiverRefused,
        ChainUnreachable,
    ),
)
def join_line(event_id: UUID, body: JoinIn, principal: Fan, now: NowDep) -> PlaceOut:
    """Take the last place, with the wallet you signed in with. You are invited to pay when a ticket may come back."""
    person = Person.of(principal)
    with unit_of_work() as session:
        event = catalog.get_event(session, event_id)
        if event.status not in catalog_rules.PUBLISHED:
            raise UnknownEvent
        if event.ends_at <= now:
            raise EventOver
        _tier(session, event_id, body.tier_id)
        collection = sell_back.collection_of(session, event_id)
    _check_receiver(collection, person.wallet)
    with unit_of_work() as session:
        return PlaceOut.of(session, line.join(session, body.tier_id, person, body.quantity, now), now)


@router.get("/v1/line-places", summary="Your places in line", responses=responses(*PERSON, BadCursor))
def my_places(principal: Fan, session: SessionDep, page: PageParams, now: NowDep) -> Page[PlaceOut]:
    """Return them, the newest first, those that are over too."""
    query = select(LinePlace).where(LinePlace.account_id == principal.account_id)
    rows, cursor = paginate(session, query, [LinePlace.joined_at, LinePlace.id], page, descending=True)
    return Page(items=[PlaceOut.of(session, row, now) for row in rows], next_cursor=cursor)


@router.get(
    "/v1/line-places/{place_id}", summary="One of your places in line", responses=responses(*PERSON, PlaceUnknown)
)
def my_place(place_id: UUID, principal: Fan, session: SessionDep, now: NowDep) -> PlaceOut:
    """Return where it stands now."""
    return PlaceOut.of(session, line.of_person(session, Person.of(principal), place_id), now)


@router.delete(
    "/v1/line-places/{place_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Leave the line",
    responses=responses(*PERSON, PlaceUnknown, PlacePaid),
)
def leave_line(place_id: UUID, principal: Fan, session: SessionDep, now: NowDep) -> None:
    """Give your place up. One that is paid for is taken back by the box office, which has the money."""
    line.leave(session, Person.of(principal), place_id, now)


@router.post(
    "/v1/events/{event_id}/buyback/line",
    status_code=status.HTTP_201_CREATED,
    summary="Put a wallet in line that has paid",
    responses=responses(*_MANAGING, UnknownTier, CollectionUnknown, AlreadyInLine, ReceiverRefused, ChainUnreachable),
)
def put_in_line(event_id: UUID, body: PlaceIn, principal: Promoter, now: NowDep) -> PlaceOut:
    """Put it at the end. Its owner has paid you: a ticket that comes back goes straight to it."""
    wallet = parse_address(body.wallet)
    with unit_of_work() as session:
        _manage(session, event_id, principal)
        _tier(session, event_id, body.tier_id)
        collection = sell_back.collection_of(session, event_id)
    _check_receiver(collection, wallet)
    with unit_of_work() as session:
        return PlaceOut.of(session, line.put(session, body.tier_id, wallet, now), now)


@router.get(
    "/v1/events/{event_id}/buyback/line",
    summary="Who waits, and who was served",
    responses=responses(*_MANAGING, BadCursor),
)
def get_line(event_id: UUID, principal: Promoter, session: SessionDep, page: PageParams, now: NowDep) -> Page[PlaceOut]:
    """Return every place of the event's lines in the order of joining."""
    _manage(session, event_id, principal)
    query = select(LinePlace).where(LinePlace.event_id == event_id)
    rows, cursor = paginate(session, query, [LinePlace.joined_at, LinePlace.id], page)
    return Page(items=[PlaceOut.of(session, row, now) for row in rows], next_cursor=cursor)


@router.put(
    "/v1/events/{event_id}/buyback/line/{place_id}/payment",
    summary="Say that an invited place was paid for",
    responses=responses(*_MANAGING, PlaceUnknown, NotInvited),
)
def confirm_payment(event_id: UUID, place_id: UUID, principal: Promoter, session: SessionDep, now: NowDep) -> PlaceOut:
    """Make the place READY: the next ticket sold back goes straight to it. Said twice it changes nothing."""
    _manage(session, event_id, principal)
    return PlaceOut.of(session, line.paid(session, event_id, place_id, now), now)


@router.delete(
    "/v1/events/{event_id}/buyback/line/{place_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Take a wallet out of the line",
    responses=responses(*_MANAGING, PlaceUnknown),
)
def remove_from_line(event_id: UUID, place_id: UUID, principal: Promoter, session: SessionDep, now: NowDep) -> None:
    """Take it out; a turn that names it already stays good until it expires."""
    _manage(session, event_id, principal)
    line.remove(session, event_id, place_id, now)


def _manage(session: Session, event_id: UUID, principal: Principal) -> None:
    principal.must_manage(catalog.get_event(session, event_id).organisation_id)


def _tier(session: Session, event_id: UUID, tier_id: UUID) -> Tier:
    tier = session.get(Tier, tier_id)
    if tier is None or tier.event_id != event_id:
        raise UnknownTier
    return tier


def _check_receiver(collection: Collection, wallet: bytes) -> None:
    """Asks the network. Raises ReceiverRefused: such a place would be passed over whenever its turn comes."""
    if not receivers.may_receive(registry.port(collection.network), collection.address or b"", wallet):
        raise ReceiverRefused
