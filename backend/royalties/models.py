"""What each sale paid to whom: the box office's on chain, and the market's."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei


class Sale(Base):
    """One TicketsBought log of a collection, or Sale log of the market. A projection: rewritten, rebuilt at will.

    Amounts are in the smallest unit of `currency`, a token's address (zero: the native coin). The seller got
    price - royalty - fee. At the box office the collection is the seller: it keeps the proceeds for the promoter and
    the fee for the platform, until they are withdrawn. Hashes are 32 bytes, addresses 20.
    """

    __tablename__ = "sales"
    __table_args__ = (
        CheckConstraint("royalty >= 0 AND fee >= 0 AND royalty + fee <= price", name="shares"),
        CheckConstraint("kind IN (0, 1, 2)", name="kind"),
        Index("ix_sales_collection", "network", "collection", "block_number", "log_index"),
        Index("ix_sales_block", "network", "block_number"),
        Index("ix_sales_sold_at", "sold_at"),
    )

    network: Mapped[str] = mapped_column(primary_key=True)
    tx_hash: Mapped[bytes] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True)
    block_hash: Mapped[bytes]
    block_number: Mapped[int] = mapped_column(BigInteger)
    sold_at: Mapped[datetime]
    """The block's time."""
    collection: Mapped[bytes]
    token_id: Mapped[Wei]
    """The first; of several bought together the others follow it."""
    quantity: Mapped[int] = mapped_column(server_default="1")
    """More than one at the box office only: the market sells one by one and leaves it to the default."""
    seller: Mapped[bytes]
    buyer: Mapped[bytes]
    currency: Mapped[bytes]
    price: Mapped[Wei]
    royalty_receiver: Mapped[bytes]
    royalty: Mapped[Wei]
    fee_receiver: Mapped[bytes]
    fee: Mapped[Wei]
    kind: Mapped[int] = mapped_column(SmallInteger)
    """1 SALE and 2 BUYBACK as on chain; 0 PRIMARY."""
    order_hash: Mapped[bytes]
    """Of the listing, offer or turn; of the box office the quote's id."""
    credited: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Whose shares could not be paid and wait in the market: the bits of `rules.CREDITED`."""

    @property
    def proceeds(self) -> int:
        """What the seller got."""
        return self.price - self.royalty - self.fee
