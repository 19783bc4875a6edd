"""What goes over the wire about holders and histories."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from backend.accounts.addresses import AddressText, show_address
from backend.royalties.models import Sale
from backend.royalties.schemas import SaleOut
from backend.tickets.models import Holding, TokenMovement
from backend.tickets.rules import ON_CHAIN_STATUS, ZERO_ADDRESS
from backend.tickets.states import TicketStatus

_HASH = "0x" + "ab" * 32


class OnChainStatus(StrEnum):
    """Statuses that a token can have on chain."""

    LIVE = "LIVE"
    LOCKED = "LOCKED"
    USED = "USED"
    VOID = "VOID"


class MovementKind(StrEnum):
    """What can happen to a token."""

    MINT = "MINT"
    BURN = "BURN"
    STATUS = "STATUS"
    GIFT = "GIFT"
    SALE = "SALE"
    BUYBACK = "BUYBACK"
    CLAIM = "CLAIM"
    ISSUER = "ISSUER"
    RECOVERY = "RECOVERY"


class HolderOut(BaseModel):
    """A token and who holds it."""

    network: str = Field(examples=["eip155:31337"])
    collection: AddressText
    token_id: int = Field(examples=[65536])
    owner: AddressText
    is_escrowed: bool = Field(description="The collection itself holds it until somebody claims it")
    tier: int = Field(description="Its number on chain", examples=[1])
    status: TicketStatus = Field(examples=["LIVE"])
    epoch: int = Field(description="How often it has moved", examples=[0])
    minted_block: int = Field(examples=[1200])
    changed_block: int = Field(description="Of its last change", examples=[1234])
    is_final: bool = Field(description="That change cannot be undone any more")

    @classmethod
    def of(cls, row: Holding) -> "HolderOut":
        """Show a row."""
        return cls(
            network=row.network,
            collection=show_address(row.collection),
            token_id=row.token_id,
            owner=show_address(row.owner),
            is_escrowed=row.owner == row.collection,
            tier=row.tier,
            status=ON_CHAIN_STATUS[row.status],
            epoch=row.epoch,
            minted_block=row.minted_block,
            changed_block=row.updated_block,
            is_final=row.final,
        )


class MovementOut(BaseModel):
    """One thing that happened to a token."""

    network: str = Field(examples=["eip155:31337"])
    tx_hash: str = Field(examples=[_HASH])
    log_index: int = Field(examples=[4])
    block_number: int = Field(examples=[1234])
    block_hash: str = Field(examples=[_HASH])
    happened_at: datetime | None = Field(description="The block's time")
    is_final: bool = Field(description="The block cannot be undone any more")
    collection: AddressText
    token_id: int = Field(examples=[65536])
    kind: MovementKind = Field(
        description="MINT, BURN, STATUS, or why it moved: GIFT, SALE, BUYBACK, CLAIM (out of escrow), ISSUER (the "
        "platform moved it before its first holder had it), RECOVERY (to its holder's other wallet)",
        examples=["SALE"],
    )
    from_owner: AddressText | None = Field(description="Null at the mint and for a status")
    to_owner: AddressText | None = Field(description="Null when burned and for a status")
    epoch: int | None = Field(description="After it moved; null for what is no move", examples=[1])
    tier: int | None = Field(description="At the mint", examples=[1])
    status: TicketStatus | None = Field(description="Of a change of status: the new one", examples=["USED"])
    sale: SaleOut | None = Field(
        description="What was paid: of a SALE, a BUYBACK, or a mint at the box office on chain"
    )

    @classmethod
    def of(cls, row: TokenMovement, finalized: int, happened_at: datetime | None, sale: Sale | None) -> "MovementOut":
        """Show a row, `finalized` being the newest final block."""
        return cls(
            network=row.network,
            tx_hash="0x" + row.tx_hash.hex(),
            log_index=row.log_index,
            block_number=row.block_number,
            block_hash="0x" + row.block_hash.hex(),
            happened_at=happened_at,
            is_final=row.block_number <= finalized,
            collection=show_address(row.collection),
            token_id=row.token_id,
            kind=MovementKind(row.kind),
            from_owner=_somebody(row.from_owner),
            to_owner=_somebody(row.to_owner),
            epoch=row.epoch,
            tier=row.tier,
            status=None if row.status is None else ON_CHAIN_STATUS[row.status],
            sale=None if sale is None else SaleOut.of(sale, finalized),
        )

    def cells(self) -> dict[str, object]:
        """Return the values of a line in a file: the sale's beside the movement's."""
        paid = {} if self.sale is None else self.sale.cells()
        wanted = (
            "seller",
            "buyer",
            "currency",
            "price",
            "price_decimal",
            "royalty",
            "royalty_decimal",
            "fee",
            "fee_decimal",
        )
        return self.model_dump() | {name: paid.get(name) for name in wanted} | {"tickets_sold": paid.get("quantity")}


def _somebody(address: bytes | None) -> str | None:
    return None if address is None or address == ZERO_ADDRESS else show_address(address)
