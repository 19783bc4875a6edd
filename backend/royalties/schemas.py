"""What goes over the wire about sales and royalties."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from backend.accounts.addresses import AddressText, parse_address, show_address
from backend.chain import currencies
from backend.chain.currencies import UnknownCurrency
from backend.chain.deployments import NotDeployed
from backend.kit.money import decimal_text, exponent
from backend.kit.pages import Page
from backend.kit.units import Units
from backend.royalties.models import Sale
from backend.royalties.rules import CREDITED, KINDS, Total

_HASH = "0x" + "ab" * 32
_PLACES = Field(description="Decimal places of the currency; null: a token this house does not know", examples=[18])
_CODE = Field(description="Its code, or the token's address", examples=["BKS"])


def currency_shown(network: str, address: bytes) -> tuple[str, int | None]:
    """Return what a currency is called and its decimal places; of an unknown token its address, and None.

    Such reach the index by collections that somebody else had deployed.
    """
    try:
        code = currencies.code_of(network, address)
    except (UnknownCurrency, NotDeployed):
        return show_address(address), None
    return code, exponent(code)


def currency_named(network: str, text: str) -> bytes:
    """Return the address of a currency named by its code or its address. Raises UnknownCurrency, NotDeployed."""
    if not text.startswith("0x"):
        return currencies.address_of(network, text.upper())
    try:
        return parse_address(text)
    except ValueError as error:
        raise UnknownCurrency(f"{error}.", currency=text) from None


class SaleOut(BaseModel):
    """One sale on chain; proceeds + royalty + fee = price, to the unit."""

    network: str = Field(examples=["eip155:31337"])
    tx_hash: str = Field(examples=[_HASH])
    log_index: int = Field(examples=[4])
    block_number: int = Field(examples=[1234])
    sold_at: datetime = Field(description="The block's time")
    is_final: bool = Field(description="The block cannot be undone any more")
    collection: AddressText
    token_id: int = Field(description="The first; of several the others follow it", examples=[65536])
    quantity: int = Field(description="Tickets; more than one at the box office only", examples=[1])
    kind: str = Field(
        description="PRIMARY (the box office, paid on chain), SALE (a holder to another) or BUYBACK (a holder to the "
        "box office, which hands it on)",
        examples=["SALE"],
    )
    seller: AddressText = Field(description="Of a PRIMARY sale the collection, which keeps the money for the promoter")
    buyer: AddressText
    currency: str = _CODE
    decimals: int | None = _PLACES
    price: Units = Field(description="Of all its tickets")
    proceeds: Units = Field(description="What the seller got")
    royalty_receiver: str = Field(description="The zero address: nobody")
    royalty: Units
    fee_receiver: str = Field(description="The zero address: nobody; of a PRIMARY sale the collection keeps the fee")
    fee: Units
    credited: list[str] = Field(
        description="Whose share could not be paid and waits in the market, to withdraw: SELLER, ROYALTY_RECEIVER, "
        "FEE_RECEIVER. See `GET /v1/wallets/{address}/credits`",
        examples=[[]],
    )
    order_hash: str = Field(description="Of the listing, offer or turn; of a PRIMARY sale the quote's id")

    @classmethod
    def of(cls, row: Sale, finalized: int) -> "SaleOut":
        """Show a row, `finalized` being the newest final block."""
        code, places = currency_shown(row.network, row.currency)
        return cls(
            network=row.network,
            tx_hash="0x" + row.tx_hash.hex(),
            log_index=row.log_index,
            block_number=row.block_number,
            sold_at=row.sold_at,
            is_final=row.block_number <= finalized,
            collection=show_address(row.collection),
            token_id=row.token_id,
            quantity=row.quantity,
            kind=KINDS[row.kind],
            seller=show_address(row.seller),
            buyer=show_address(row.buyer),
            currency=code,
            decimals=places,
            price=row.price,
            proceeds=row.proceeds,
            # Not AddressText: nobody, the zero address, where there is no royalty or fee.
            royalty_receiver=show_address(row.royalty_receiver),
            royalty=row.royalty,
            fee_receiver=show_address(row.fee_receiver),
            fee=row.fee,
            credited=[name for name, bit in CREDITED.items() if row.credited & bit],
            order_hash="0x" + row.order_hash.hex(),
        )

    def cells(self) -> dict[str, object]:
        """Return the values of a line in a file, amounts in whole units of the currency beside them."""
        return self.model_dump() | _decimals(self, "price", "proceeds", "royalty", "fee")


class RoyaltyOut(BaseModel):
    """What one sale paid to the receiver of its royalty."""

    network: str = Field(examples=["eip155:31337"])
    tx_hash: str = Field(examples=[_HASH])
    log_index: int = Field(examples=[4])
    block_number: int = Field(examples=[1234])
    sold_at: datetime = Field(description="The block's time")
    is_final: bool = Field(description="The block cannot be undone any more")
    collection: AddressText
    token_id: int = Field(examples=[65536])
    currency: str = _CODE
    decimals: int | None = _PLACES
    price: Units = Field(description="Of the sale")
    receiver: AddressText
    royalty: Units = Field(description="What the receiver got of it")

    @classmethod
    def of(cls, row: Sale, finalized: int) -> "RoyaltyOut":
        """Show a row, `finalized` being the newest final block."""
        sale = SaleOut.of(row, finalized)
        return cls(receiver=sale.royalty_receiver, **sale.model_dump(include=cls.model_fields.keys() - {"receiver"}))

    def cells(self) -> dict[str, object]:
        """Return the values of a line in a file, amounts in whole units of the currency beside them."""
        return self.model_dump() | _decimals(self, "price", "royalty")


class RoyaltyTotal(BaseModel):
    """All royalties of the list, one receiver's in one currency."""

    receiver: AddressText
    currency: str = _CODE
    decimals: int | None = _PLACES
    sales: int = Field(examples=[12])
    price: Units
    royalty: Units


class RoyaltyPage(Page[RoyaltyOut]):
    """One page of royalties, and what all that match come to."""

    totals: list[RoyaltyTotal] | None = Field(description="On the first page only")


class TotalOut(BaseModel):
    """Sales of one collection, kind and currency."""

    collection: AddressText
    kind: str = Field(examples=["SALE"])
    currency: str = _CODE
    decimals: int | None = _PLACES
    sales: int = Field(examples=[12])
    tickets: int = Field(examples=[12])
    price: Units
    proceeds: Units
    royalty: Units
    fee: Units

    @classmethod
    def of(cls, network: str, total: Total) -> "TotalOut":
        """Show a total."""
        code, places = currency_shown(network, total.currency)
        return cls(
            collection=show_address(total.collection),
            kind=KINDS[total.kind],
            currency=code,
            decimals=places,
            sales=total.sales,
            tickets=total.tickets,
            price=total.price,
            proceeds=total.proceeds,
            royalty=total.royalty,
            fee=total.fee,
        )


class StatementOut(BaseModel):
    """What a period's sales came to. The lines are in the CSV."""

    organisation_id: UUID
    begin: datetime
    end: datetime
    totals: list[TotalOut]


def _decimals(shown: Any, *names: str) -> dict[str, object]:
    places = shown.decimals
    return {f"{name}_decimal": None if places is None else decimal_text(getattr(shown, name), places) for name in names}
