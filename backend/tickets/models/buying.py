"""What is bought on chain by quote, and the money that goes back on chain."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.jobs import Leased
from backend.tickets.models.ids import one_of
from backend.tickets.states import (
    PayoutStatus,
    PurchaseStatus,
)


class Purchase(Base):
    """A quote that was paid on chain, in a final block: which payment it was, and which tokens it made."""

    __tablename__ = "ticket_purchases"
    __table_args__ = (
        UniqueConstraint("collection_id", "quote_id"),
        one_of("status", PurchaseStatus, "status"),
        Index("ix_ticket_purchases_payment_id", "payment_id"),
        Index("ix_ticket_purchases_status", "status", "settled_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    collection_id: Mapped[UUID] = mapped_column(ForeignKey("collections.id"))
    quote_id: Mapped[bytes]
    """32 bytes; the payment's UUID, right-aligned."""
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("payments.id"))
    buyer: Mapped[bytes]
    first_token_id: Mapped[Wei]
    """The others follow it."""
    tier: Mapped[int]
    quantity: Mapped[int]
    currency: Mapped[bytes]
    """The token's address, 20 bytes; zero is the network's own coin."""
    price: Mapped[Wei]
    """Of all tickets together, in base units."""
    fee: Mapped[Wei]
    """The platform's part of the price."""
    status: Mapped[str]
    problem: Mapped[str | None]
    """What differs from the quote, as the fields' names."""
    tx_hash: Mapped[bytes]
    settled_at: Mapped[datetime]


class Payout(Leased, Base):
    """A refund of a purchase on chain: what a wallet has to send, and the transaction that did."""

    __tablename__ = "refund_payouts"
    __table_args__ = (
        UniqueConstraint("refund_id"),
        one_of("status", PayoutStatus, "status"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("(payer IS NULL) = (nonce IS NULL)", name="payer"),
        # One transaction pays one refund.
        Index("uq_refund_payouts_tx_hash", "network", "tx_hash", unique=True),
        Index("ix_refund_payouts_status", "status", "status_since"),
        # An order's money goes back once: the last word, should anything get around its lock.
        Index("uq_refund_payouts_order_id", "order_id", unique=True, postgresql_where=text("status <> 'WITHDRAWN'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    refund_id: Mapped[UUID] = mapped_column(ForeignKey("refunds.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    network: Mapped[str]
    payee: Mapped[bytes]
    """Who paid and gets it back: the buyer's wallet, 20 bytes."""
    currency: Mapped[bytes]
    """The token's address, 20 bytes; zero is the network's own coin."""
    amount: Mapped[Wei]
    status: Mapped[str]
    status_since: Mapped[datetime]
    problem: Mapped[str | None]
    payer: Mapped[bytes | None]
    """The wallet that was given the transaction, and what it was given: these bytes and this number, no other."""
    paid_from: Mapped[str | None]
    """Whose wallet that is, as an account of the books."""
    data: Mapped[bytes | None]
    nonce: Mapped[int | None] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes | None]
    """Named by the payer, believed when it was read from a final block."""
    created_at: Mapped[datetime]
