"""What goes over the wire about buy-backs. Amounts are strings in the currency's smallest unit."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.addresses import AddressText
from backend.kit.units import Units
from backend.resale.schemas import ADDRESS, ID, PRICE, TRANSACTION, PermitIn, Strict


class SellBackOut(BaseModel):
    """A turn: your ticket goes to the next in line and you get the price, in one transaction."""

    turn_id: UUID = Field(examples=[ID])
    next_wallet: AddressText
    currency: str = Field(examples=["BKS"])
    price: Units
    expires_at: datetime
    transaction: dict[str, Any] = Field(description="EIP-1559, for the holder's wallet", examples=[TRANSACTION])


class BuybackPriceOut(BaseModel):
    """What the box office pays for tickets of a tier."""

    tier_id: UUID = Field(examples=[ID])
    number: int = Field(examples=[1])
    price: Units = Field(description="0: it buys none back")
    waiting: int = Field(description="Places in line", examples=[3])


class BuybackOut(BaseModel):
    """Prices and money for buy-backs, as the chain has them."""

    currency: str = Field(examples=["BKS"])
    fund: Units
    tiers: list[BuybackPriceOut]


class BuybackPriceIn(Strict):
    """A price for a tier."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"tier_id": ID, "price": PRICE}]})

    tier_id: UUID
    price: Annotated[Units, Field(description="0 stops")]


class FundIn(Strict):
    """Money for buy-backs."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": PRICE, "permit": None}]})

    amount: Annotated[Units, Field(gt=0)]
    permit: PermitIn | None = None


class FundBackIn(Strict):
    """Money out of the fund again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": PRICE, "to": ADDRESS}]})

    amount: Annotated[Units, Field(gt=0)]
    to: AddressText
