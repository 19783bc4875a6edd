"""What logs said of rights: who holds them, how far they go, what is paused."""

from sqlalchemy import BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei


class AuthorityChange(Base):
    """One right on one of our contracts, as a log set it. A projection: the newest of each right is what holds.

    Rights are named by their getters on chain (`minter`, `paused`); docs/contracts.md says what each is.
    """

    __tablename__ = "authority_changes"
    __table_args__ = (
        Index("ix_authority_changes_latest", "network", "contract", "right", "subject", "block_number", "log_index"),
        Index("ix_authority_changes_block", "network", "block_number"),
    )

    network: Mapped[str] = mapped_column(primary_key=True)
    block_hash: Mapped[bytes] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True)
    right: Mapped[str] = mapped_column(primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    contract: Mapped[bytes]
    kind: Mapped[str]
    """The contract's name: TicketCollection, CollectionFactory, ResaleMarket or BKS."""
    subject: Mapped[bytes]
    """Whose right it is where many may hold it (20 bytes), or which version (4); empty where there is one holder."""
    holder: Mapped[bytes | None]
    """Who holds it now, 20 bytes, zero for nobody; of `paused`: who said so."""
    value: Mapped[Wei | None]
    """How far it goes: an allowance, a daily limit, basis points, paused scopes; 1 or 0 where it is held or not."""
