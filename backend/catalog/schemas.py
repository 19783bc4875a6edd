"""What the routes of the catalog take and give. Unknown fields are refused: nobody sets a status or a count."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from backend.accounts.addresses import AddressText
from backend.catalog import rules
from backend.catalog.models import Event, EventStatus, Tier, Venue
from backend.kit import money
from backend.kit.moments import IsoMoment
from backend.kit.units import Units

_ID = "01931f3a-7c1e-7abc-8def-0123456789ab"

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, max_length=10_000, pattern=r"^[^\x00]*$")]
Currency = Annotated[str, Field(max_length=8, description="ISO 4217", examples=["SEK"])]


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is beyond the calendar") from error


Moment = Annotated[IsoMoment, AfterValidator(_utc)]
"""A time with an offset, as UTC."""
Count = Annotated[int, Field(strict=True, ge=-(2**31), lt=2**31)]
"""A number the table can hold; whether it makes sense is the rules' business, so that it has a code of its own."""


Token = Literal["BNB", "BKS"]


class Request(BaseModel):
    """A request body: exactly these fields."""

    model_config = ConfigDict(extra="forbid")


class Change(Request):
    """A request body of which only the fields that are present count. Null empties a field that may be empty."""

    nullable: ClassVar[frozenset[str]] = frozenset({"venue_id", "sale_starts_at", "sale_ends_at", "per_account_limit"})

    @model_validator(mode="after")
    def _refuse_empty(self) -> Self:
        for name in self.model_fields_set - self.nullable:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null: leave it out to keep it")
        return self


class NewVenue(Request):
    """A place."""

    organisation_id: UUID = Field(examples=[_ID])
    name: Line = Field(examples=["Debaser Strand"])
    address: Prose = Field("", examples=["Hornstulls strand 4, Stockholm"])
    capacity: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = Field(
        description="How many people it holds", examples=[650]
    )


class VenueShown(BaseModel):
    """A place."""

    id: UUID = Field(examples=[_ID])
    name: str = Field(examples=["Debaser Strand"])
    address: str = Field(examples=["Hornstulls strand 4, Stockholm"])
    capacity: int = Field(examples=[650])

    @classmethod
    def of(cls, row: Venue) -> "VenueShown":
        """Show the row."""
        return cls(id=row.id, name=row.name, address=row.address, capacity=row.capacity)


class NewEvent(Request):
    """An event to be written as a DRAFT."""

    organisation_id: UUID = Field(examples=[_ID])
    title: Line = Field(examples=["Midsummer Night"])
    description: Prose = Field("", examples=["Two bands and the shortest night of the year."])
    venue_id: UUID | None = None
    zone: str = Field(max_length=64, description="IANA zone to show times in", examples=["Europe/Stockholm"])
    doors_at: Moment = Field(examples=["2027-06-19T17:00:00Z"])
    starts_at: Moment = Field(examples=["2027-06-19T18:00:00Z"])
    ends_at: Moment = Field(examples=["2027-06-19T23:00:00Z"])
    currency: Currency


class EventChange(Change):
    """Only the fields that change."""

    title: Line | None = Field(None, examples=["Midsummer Night, with a third band"])
    description: Prose | None = None
    venue_id: UUID | None = Field(None, description="Null: no venue")
    zone: str | None = Field(None, max_length=64)
    doors_at: Moment | None = Field(None, examples=["2027-06-19T16:30:00Z"])
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    currency: Currency | None = None


class NewTier(Request):
    """A kind of ticket."""

    name: Line = Field(examples=["Standing"])
    price_minor: Count = Field(description="Of one ticket, in the currency's smallest unit", examples=[49_900])
    quantity: Count = Field(examples=[500])
    sale_starts_at: Moment | None = Field(None, description="Null: as soon as the event is published")
    sale_ends_at: Moment | None = Field(None, description="Null: until the event ends")
    per_account_limit: Count | None = Field(None, examples=[6])
    prices: dict[Token, Units] = Field(
        {}, description="What it costs in tokens, in base units; one left out is not taken"
    )


class TierChange(Change):
    """Only the fields that change."""

    name: Line | None = Field(None, examples=["Standing"])
    price_minor: Count | None = Field(None, examples=[52_900])
    quantity: Count | None = Field(None, examples=[450])
    sale_starts_at: Moment | None = Field(None, description="Null: as soon as the event is published")
    sale_ends_at: Moment | None = Field(None, description="Null: until the event ends")
    per_account_limit: Count | None = Field(None, description="Null: no limit")
    prices: dict[Token, Units] | None = Field(None, description="Replaces all prices in tokens")


class PriceShown(BaseModel):
    """What one ticket costs in a token."""

    currency: str = Field(examples=["BKS"])
    amount: Units = Field(description="In the token's base unit")
    exponent: int = Field(description="Decimal places of the base unit", examples=[18])


class TierShown(BaseModel):
    """A kind of ticket."""

    id: UUID = Field(examples=[_ID])
    number: int = Field(description="Counts from 1 in the event; the tier on chain", examples=[1])
    name: str = Field(examples=["Standing"])
    price_minor: int = Field(
        description="By card, in the smallest unit of `currency`", le=rules.MAX_PRICE_MINOR, examples=[49_900]
    )
    currency: str = Field(examples=["SEK"])
    quantity: int = Field(examples=[500])
    available: int = Field(description="Neither held nor paid at this moment", examples=[312])
    sale_starts_at: datetime | None
    sale_ends_at: datetime | None
    per_account_limit: int | None = Field(examples=[6])
    prices: list[PriceShown] = Field(description="Also sold for these tokens, paid on chain")
    held: int | None = Field(description="In checkouts; shown to the organisation only")
    paid: int | None = Field(description="Sold; shown to the organisation only")

    @classmethod
    def of(cls, row: Tier, *, inside: bool) -> "TierShown":
        """Show the row; to the organisation itself (`inside`) with its counts."""
        return cls(
            id=row.id,
            number=row.number,
            name=row.name,
            price_minor=row.price_minor,
            currency=row.currency,
            quantity=row.quantity,
            available=row.free,
            sale_starts_at=row.sale_starts_at,
            sale_ends_at=row.sale_ends_at,
            per_account_limit=row.per_account_limit,
            prices=[
                PriceShown(currency=price.currency, amount=price.amount, exponent=money.exponent(price.currency))
                for price in row.prices
            ],
            held=row.held if inside else None,
            paid=row.paid if inside else None,
        )


class EventSummary(BaseModel):
    """An event in a list."""

    id: UUID = Field(examples=[_ID])
    organisation_id: UUID = Field(examples=[_ID])
    title: str = Field(examples=["Midsummer Night"])
    zone: str = Field(examples=["Europe/Stockholm"])
    doors_at: datetime
    starts_at: datetime
    ends_at: datetime
    currency: str = Field(examples=["SEK"])
    status: EventStatus
    version: int = Field(description="Send it back as If-Match when you change the event", examples=[3])
    sales_suspended_reason: str | None = Field(
        description="Why no new orders are taken just now: minter_balance_low, minter_key_missing or no_minter (new "
        "tickets could not be issued); null: they are",
        examples=[None],
    )


class EventShown(EventSummary):
    """An event with its venue and tiers."""

    description: str
    venue: VenueShown | None
    metadata_frozen: bool = Field(
        description="Whether what its tickets show can never change again. The promoter freezes it with "
        "`POST /v1/events/{event_id}/collection/freeze-metadata`, best before the first sale"
    )
    max_supply: int | None = Field(description="Tickets its collection can hold; null until it is made")
    tiers: list[TierShown]

    @classmethod
    def of(cls, row: Event, venue: Venue | None, tiers: list[Tier], *, inside: bool) -> "EventShown":
        """Show the event."""
        return cls(
            **summary(row).model_dump(),
            description=row.description,
            venue=VenueShown.of(venue) if venue else None,
            metadata_frozen=row.metadata_frozen,
            max_supply=row.max_supply,
            tiers=[TierShown.of(tier, inside=inside) for tier in tiers],
        )


def summary(row: Event) -> EventSummary:
    """Show the event without its parts."""
    return EventSummary(
        id=row.id,
        organisation_id=row.organisation_id,
        title=row.title,
        zone=row.zone,
        doors_at=row.doors_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        currency=row.currency,
        status=EventStatus(row.status),
        version=row.version,
        sales_suspended_reason=row.sales_suspended_reason,
    )


class StewardRequest(Request):
    """Whose door it is."""

    address: AddressText


class StewardShown(BaseModel):
    """A steward of the event."""

    event_id: UUID = Field(examples=[_ID])
    account_id: UUID = Field(examples=[_ID])
    address: AddressText
