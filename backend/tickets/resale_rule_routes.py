"""The promoter's rules for resale and gifts over HTTP, until its consent fixes them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.access import Principal, Role, allow
from backend.accounts.errors import NotYourOrganisation
from backend.catalog import service as catalog
from backend.catalog.errors import UnknownEvent, UnknownTier
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.moments import IsoMoment
from backend.kit.units import Units
from backend.settings import get_settings
from backend.tickets import consent, resale_rules
from backend.tickets.errors import CollectionExists, FreezeInThePast, ListBelowPrice, TierTwice

router = APIRouter(tags=["collections"])

Promoter = Annotated[Principal, allow(Role.PROMOTER)]
_MOST_TIERS = 1000
_FACE = "100000000000000000000"


class FaceValue(BaseModel):
    """A tier's worth in the resale currency."""

    model_config = ConfigDict(extra="forbid")

    number: Annotated[int, Field(ge=1, lt=2**15, description="The tier's number", examples=[1])]
    face: Annotated[Units, Field(lt=2**96, description="In the smallest unit of the resale currency")]
    list_minor: Annotated[int, Field(gt=0, lt=2**53)] | None = Field(
        None, description="What it cost before a discount; null when there is none: the cap is face x price / list"
    )


class ResaleRulesIn(BaseModel):
    """What may be done with tickets after their first sale."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"cap_bps": 10_000, "tiers": [{"number": 1, "face": _FACE}]}]},
    )

    resale: bool = Field(default=True, description="Whether fans may sell tickets on")
    cap_bps: Annotated[int, Field(ge=0, lt=2**16)] = Field(10_000, description="Of what was paid, in basis points")
    gift_limit: Annotated[int, Field(ge=0, le=resale_rules.NO_GIFT_LIMIT)] = Field(
        resale_rules.DEFAULT_GIFT_LIMIT,
        description="Gifts between two sales, by the holder itself. 255: no limit, and approved accounts give too, so "
        "that any other marketplace may settle at any price and without royalty, also while resale is off",
    )
    gift_cool_off_seconds: Annotated[int, Field(ge=0, lt=2**32)] = 0
    freeze_at: IsoMoment | None = Field(
        None,
        description="From then on nothing is given, sold or bought back. Left out: when doors open. Null: never, and a "
        "ticket that was let in can be sold on chain until its USED is mined",
    )
    max_per_wallet: Annotated[int, Field(ge=0, lt=2**32)] = Field(0, description="0: no limit")
    currency: Literal["BKS", "BNB"] = Field("BKS", description="The one currency of resale, for good")
    tiers: list[FaceValue] = Field(
        default_factory=list, max_length=_MOST_TIERS, description="A tier left out cannot be resold"
    )


class ResaleRulesOut(ResaleRulesIn):
    """The rules as the next consent will have them."""

    resale_hold_seconds: int = Field(description="How long a ticket paid by card is not resold; the platform's")
    freeze_at: datetime | None = None

    @classmethod
    def of(cls, wanted: resale_rules.Wanted) -> "ResaleRulesOut":
        """Show them."""
        return cls(
            resale=wanted.resale,
            cap_bps=wanted.cap_bps,
            gift_limit=wanted.gift_limit,
            gift_cool_off_seconds=wanted.gift_cool_off_seconds,
            freeze_at=wanted.freeze_at,
            max_per_wallet=wanted.max_per_wallet,
            currency="BNB" if wanted.currency == "BNB" else "BKS",
            tiers=[FaceValue(number=f.number, face=f.face, list_minor=f.list_minor) for f in wanted.tiers],
            resale_hold_seconds=get_settings().resale_hold,
        )


@router.put(
    "/v1/events/{event_id}/resale-rules",
    summary="State the rules of resale and gifts",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NotYourOrganisation,
        UnknownEvent,
        UnknownTier,
        TierTwice,
        ListBelowPrice,
        FreezeInThePast,
        CollectionExists,
    ),
)
def put_resale_rules(
    event_id: UUID, body: ResaleRulesIn, principal: Promoter, session: SessionDep, now: NowDep
) -> ResaleRulesOut:
    """Replace them. They are part of the consent; once the collection is made they are changed on chain."""
    event = catalog.get_event(session, event_id)
    principal.must_manage(event.organisation_id)
    consent.check_free(session, event_id)
    wanted = resale_rules.Wanted(
        body.resale,
        body.cap_bps,
        body.gift_limit,
        body.gift_cool_off_seconds,
        body.freeze_at,
        body.max_per_wallet,
        body.currency,
        tuple(resale_rules.Face(one.number, one.face, one.list_minor) for one in body.tiers),
        freezes_at_doors="freeze_at" not in body.model_fields_set,
    )
    resale_rules.state(session, event, wanted, now)
    return ResaleRulesOut.of(resale_rules.terms(session, event))


@router.get(
    "/v1/events/{event_id}/resale-rules",
    summary="The rules of resale and gifts as stated",
    responses=responses(Unauthenticated, Forbidden, NotYourOrganisation, UnknownEvent),
)
def get_resale_rules(event_id: UUID, principal: Promoter, session: SessionDep) -> ResaleRulesOut:
    """Return what was stated, or the defaults: resale at no more than what was paid, four gifts, until doors open."""
    event = catalog.get_event(session, event_id)
    principal.must_manage(event.organisation_id)
    return ResaleRulesOut.of(resale_rules.terms(session, event))
