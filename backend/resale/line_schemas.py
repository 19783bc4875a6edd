"""What goes over the wire about the line for tickets that come back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.accounts.addresses import AddressText, show_address
from backend.resale import line
from backend.resale.models import LinePlace
from backend.resale.schemas import ADDRESS, ID, Strict
from backend.resale.states import PlaceStatus

_MOST = 10


class JoinIn(Strict):
    """A fan who waits for tickets of a sold-out tier."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tier_id": ID, "quantity": 2}]})

    tier_id: UUID
    quantity: Annotated[int, Field(ge=1, le=_MOST, description="How many at the most; they come one by one")] = 1


class PlaceIn(Strict):
    """Who waits for a ticket of which tier; it has paid the box office."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tier_id": ID, "wallet": ADDRESS}]})

    tier_id: UUID
    wallet: AddressText


class PlaceOut(BaseModel):
    """A place in the line."""

    place_id: UUID = Field(examples=[ID])
    event_id: UUID = Field(examples=[ID])
    tier_id: UUID = Field(examples=[ID])
    wallet: AddressText
    number: int = Field(description="Counts up in the tier", examples=[17])
    quantity: int = Field(description="Tickets it waits for at the most", examples=[2])
    status: PlaceStatus = Field(
        description="WAITING; INVITED: pay the box office until `invited_until`; READY: paid, the next ticket sold "
        "back is yours; SERVED; LEFT; LAPSED: the invitation passed to the next"
    )
    position: int | None = Field(
        description="1 is next. Who has paid goes first, then the number decides; null: it waits no more", examples=[3]
    )
    joined_at: datetime
    invited_until: datetime | None
    paid_at: datetime | None
    served_at: datetime | None
    left_at: datetime | None

    @classmethod
    def of(cls, session: Session, row: LinePlace, now: datetime) -> "PlaceOut":
        """Show a row, with where it stands in its line."""
        return cls(
            place_id=row.id,
            event_id=row.event_id,
            tier_id=row.tier_id,
            wallet=show_address(row.wallet),
            number=row.number,
            quantity=row.quantity,
            status=line.status_of(row, now),
            position=line.position(session, row),
            joined_at=row.joined_at,
            invited_until=row.invited_until,
            paid_at=row.paid_at,
            served_at=row.served_at,
            left_at=row.left_at,
        )
