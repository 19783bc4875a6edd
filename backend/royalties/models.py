"""What each sale of the market paid to whom."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei


class Sale(Base):
    """One Sale log of the market. A projection: rewritten by reorgs, rebuilt at will.

    Amounts are in the smallest unit of `currency`, a token's address (zero: the native coin). The seller got
    price - royalty - fee. Hashes are 32 bytes, addresses 20.
    """

    __tablename__ = "sales"
    __table_args__ = (
        CheckConstraint("royalty >= 0 AND fee >= 0 AND royalty + fee <= price", name="shares"),
        CheckConstraint("kind IN (1, 2)", name="kind"),
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
    seller: Mapped[bytes]
    buyer: Mapped[bytes]
    currency: Mapped[bytes]
    price: Mapped[Wei]
    royalty_receiver: Mapped[bytes]
    royalty: Mapped[Wei]
    fee_receiver: Mapped[bytes]
    fee: Mapped[Wei]
    kind: Mapped[int] = mapped_column(SmallInteger)
    """As on chain: 1 SALE, 2 BUYBACK."""
    order_hash: Mapped[bytes]
    credited: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """Whose shares could not be paid and wait in the market: the bits of `rules.CREDITED`."""

    @property
    def proceeds(self) -> int:
        """What the seller got."""
        return self.price - self.royalty - self.fee
