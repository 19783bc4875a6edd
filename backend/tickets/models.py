"""Tables of the tickets capability. What the states mean stands in `states.py`."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.kit.db import Base, Wei
from backend.kit.ids import new_id
from backend.kit.jobs import Leased
from backend.tickets.states import (
    BatchStatus,
    ClaimStatus,
    CollectionStatus,
    Custody,
    JobStatus,
    PayoutStatus,
    PurchaseStatus,
    StatusChangeStatus,
    TicketStatus,
)

CollectionId = NewType("CollectionId", UUID)
BatchId = NewType("BatchId", UUID)
TicketId = NewType("TicketId", UUID)


def _one_of(column: str, words: type[StrEnum], name: str) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


class Collection(Leased, Base):
    """An event's collection: what the promoter signed, and what became of it on chain."""

    __tablename__ = "collections"
    __table_args__ = (
        _one_of("status", CollectionStatus, "status"),
        CheckConstraint("next_batch >= 1", name="next_batch"),
        Index("ix_collections_address", "network", "address"),
        Index("ix_collections_minter", "network", "minter"),
        Index(
            "ix_collections_unsettled",
            "run_after",
            postgresql_where=text("status NOT IN ('LIVE', 'MISMATCH', 'STUCK')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), unique=True)
    network: Mapped[str]
    address: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Predicted by CREATE2 before deployment; 20 bytes."""
    event_ref: Mapped[bytes]
    version: Mapped[int]
    status: Mapped[str]
    params: Mapped[dict[str, Any]]
    """The signed EIP-712 message, as JSON. What is deployed is built from this and nothing else."""
    metadata_files: Mapped[dict[str, Any]]
    """File name -> text of the metadata directory, so that it can be pinned again at any time."""
    metadata_cid: Mapped[str]
    consent: Mapped[bytes]
    consent_expires_at: Mapped[datetime]
    generation: Mapped[int] = mapped_column(default=0)
    """Rises with each new consent, so that each has its own transaction in the outbox."""
    next_batch: Mapped[int] = mapped_column(BigInteger, default=1)
    minter: Mapped[bytes | None]
    """Whose mints it takes: as signed, then as its final logs say; zero: nobody's."""
    minter_since: Mapped[int | None] = mapped_column(BigInteger)
    """The final block that says so; null: none does yet."""
    operator: Mapped[bytes | None]
    """As `minter`, of ticket statuses."""
    operator_since: Mapped[int | None] = mapped_column(BigInteger)
    mismatches: Mapped[list[Any] | None]
    base_uri: Mapped[str | None]
    """Where the chain says its metadata is, when that is not what was signed; null: as signed."""
    metadata_frozen: Mapped[bool] = mapped_column(default=False)
    """Whether the chain says that it never changes again."""
    metadata_marks: Mapped[int] = mapped_column(default=0)
    """How many final logs there were about it; the chain is asked when `metadata_read` is behind."""
    metadata_read: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    live_at: Mapped[datetime | None]


class MinterFunds(Base):
    """What a minter's key held when last looked at, and what it needs so that sales may go on. Amounts in wei."""

    __tablename__ = "minter_funds"

    network: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[bytes] = mapped_column(primary_key=True)
    balance: Mapped[Wei]
    needed: Mapped[Wei]
    """Below it new sales stop: gas for all tickets owed, and for a reserve, at the offer of the moment."""
    resumes_at: Mapped[Wei]
    """From it on they go on again; above `needed`, so that sales do not flicker."""
    owed_tickets: Mapped[int] = mapped_column(BigInteger)
    """Paid but not minted, and in checkouts."""
    suspended_since: Mapped[datetime | None]
    checked_at: Mapped[datetime]


class ResaleRules(Base):
    """What a promoter wants of resale and gifts, stated before the consent; from there on the chain has them."""

    __tablename__ = "resale_rules"
    __table_args__ = (
        CheckConstraint("cap_bps BETWEEN 0 AND 65535", name="cap_bps"),
        CheckConstraint("gift_limit BETWEEN 0 AND 255", name="gift_limit"),
        CheckConstraint("currency IN ('BKS', 'BNB')", name="currency"),
    )

    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    resale: Mapped[bool]
    cap_bps: Mapped[int]
    gift_limit: Mapped[int]
    """255: no limit."""
    gift_cool_off_seconds: Mapped[int] = mapped_column(BigInteger)
    freezes_at_doors: Mapped[bool]
    """Whether tickets freeze when doors open; then `freeze_at` is null."""
    freeze_at: Mapped[datetime | None]
    """Null without `freezes_at_doors`: never."""
    max_per_wallet: Mapped[int] = mapped_column(BigInteger)
    """0: no limit."""
    currency: Mapped[str]
    tiers: Mapped[list[Any]]
    """For each tier with a face value: `number`, `face` (smallest units, as a string), `list_minor` or null."""
    updated_at: Mapped[datetime]


class Batch(Leased, Base):
    """Tickets minted together. Contents, order and hash are fixed before anything is signed."""

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("collection_id", "number"),
        _one_of("status", BatchStatus, "status"),
        Index("ix_batches_status", "status", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    collection_id: Mapped[UUID] = mapped_column(ForeignKey("collections.id"))
    number: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str]
    entries: Mapped[bytes]
    """22 bytes an entry: owner (20), tier (2, big endian)."""
    contents_hash: Mapped[bytes]
    count: Mapped[int]
    send_id: Mapped[UUID | None]
    """The latest sending of it (chain_sends.id)."""
    generation: Mapped[int] = mapped_column(default=0)
    cancel_generation: Mapped[int] = mapped_column(default=0)
    tx_hash: Mapped[bytes | None]
    created_at: Mapped[datetime]
    landed_at: Mapped[datetime | None]


class Ticket(Base):
    """A place at an event that somebody paid for."""

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("order_line_id", "unit"),
        UniqueConstraint("collection_id", "token_id"),
        _one_of("status", TicketStatus, "status"),
        _one_of("custody", Custody, "custody"),
        Index("ix_tickets_order_id", "order_id"),
        Index("ix_tickets_event_id", "event_id"),
        Index("ix_tickets_holder_account_id", "holder_account_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("events.id"))
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"))
    order_line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"))
    unit: Mapped[int]
    """0, 1, 2, ... within the order line."""
    tier_id: Mapped[UUID] = mapped_column(ForeignKey("tiers.id"))
    collection_id: Mapped[UUID | None] = mapped_column(ForeignKey("collections.id"))
    token_id: Mapped[Wei | None]
    status: Mapped[str]
    custody: Mapped[str]
    holder_account_id: Mapped[UUID | None] = mapped_column(ForeignKey("accounts.id"))
    """The buyer's account until the mint is final; then the account of the holding wallet, when we know one."""
    created_at: Mapped[datetime]


class MintJob(Leased, Base):
    """The promise that one unit of a paid order line becomes a token, once."""

    __tablename__ = "mint_jobs"
    __table_args__ = (
        UniqueConstraint("order_line_id", "unit"),
        UniqueConstraint("batch_id", "batch_index"),
        _one_of("status", JobStatus, "status"),
        CheckConstraint("(batch_id IS NULL) = (batch_index IS NULL)", name="batch_index"),
        Index("ix_mint_jobs_status", "status", "created_at"),
        Index("ix_mint_jobs_queued", "collection_id", "id", postgresql_where=text("status = 'QUEUED'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    order_line_id: Mapped[UUID] = mapped_column(ForeignKey("order_lines.id"))
    unit: Mapped[int]
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"), unique=True)
    collection_id: Mapped[UUID | None] = mapped_column(ForeignKey("collections.id"))
    tier_number: Mapped[int] = mapped_column(Integer)
    recipient: Mapped[bytes | None]
    """The wallet it goes to, 20 bytes; null = escrow."""
    escrow_reason: Mapped[str | None]
    """Why it goes to escrow: `no_wallet` or `contract_receiver`."""
    status: Mapped[str]
    batch_id: Mapped[UUID | None] = mapped_column(ForeignKey("batches.id"))
    batch_index: Mapped[int | None]
    trace_id: Mapped[str] = mapped_column(server_default="")
    """Of the request that paid for it, so that the batch and its transaction can be found by it."""
    created_at: Mapped[datetime]


class Purchase(Base):
    """A quote that was paid on chain, in a final block: which payment it was, and which tokens it made."""

    __tablename__ = "ticket_purchases"
    __table_args__ = (
        UniqueConstraint("collection_id", "quote_id"),
        _one_of("status", PurchaseStatus, "status"),
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
        _one_of("status", PayoutStatus, "status"),
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


class Holding(Base):
    """Who holds a token, computed from the chain's logs. A projection: rewritten by reorgs, rebuilt at will."""

    __tablename__ = "holdings"
    __table_args__ = (Index("ix_holdings_owner", "owner"),)

    network: Mapped[str] = mapped_column(primary_key=True)
    collection: Mapped[bytes] = mapped_column(primary_key=True)
    token_id: Mapped[Wei] = mapped_column(primary_key=True)
    owner: Mapped[bytes]
    """20 bytes; the zero address once burned."""
    tier: Mapped[int] = mapped_column(Integer)
    status: Mapped[int] = mapped_column(SmallInteger)
    """As on chain: 0 LIVE, 1 LOCKED, 2 USED, 3 VOID."""
    epoch: Mapped[int] = mapped_column(BigInteger)
    minted_block: Mapped[int] = mapped_column(BigInteger)
    updated_block: Mapped[int] = mapped_column(BigInteger)
    final: Mapped[bool]
    """True when the block of its last change is final."""


class TokenMovement(Base):
    """One thing that happened to one token: its mint, a move, a change of status, its burning. Holdings fold these."""

    __tablename__ = "token_movements"
    __table_args__ = (
        PrimaryKeyConstraint("network", "block_number", "block_hash", "log_index"),
        Index("ix_token_movements_token", "network", "collection", "token_id", "block_number", "log_index"),
    )

    network: Mapped[str]
    block_hash: Mapped[bytes]
    log_index: Mapped[int]
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    collection: Mapped[bytes]
    token_id: Mapped[Wei]
    kind: Mapped[str]
    """MINT, BURN, STATUS, or why it moved: GIFT, SALE, BUYBACK, CLAIM, ISSUER, RECOVERY."""
    from_owner: Mapped[bytes | None]
    to_owner: Mapped[bytes | None]
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    tier: Mapped[int | None]
    status: Mapped[int | None] = mapped_column(SmallInteger)


class Recovery(Base):
    """What one log says of a recovery: that it was asked for, or that nothing came of it. A projection."""

    __tablename__ = "recoveries"
    __table_args__ = (
        CheckConstraint("kind IN ('REQUESTED', 'CANCELLED')", name="kind"),
        CheckConstraint(
            "(kind = 'REQUESTED') = (epoch IS NOT NULL) AND (kind = 'REQUESTED') = (ready_at IS NOT NULL)",
            name="request",
        ),
        Index("ix_recoveries_token", "network", "collection", "token_id", "block_number", "log_index"),
        Index("ix_recoveries_block", "network", "block_number"),
    )

    network: Mapped[str] = mapped_column(primary_key=True)
    block_hash: Mapped[bytes] = mapped_column(primary_key=True)
    log_index: Mapped[int] = mapped_column(primary_key=True)
    block_number: Mapped[int] = mapped_column(BigInteger)
    tx_hash: Mapped[bytes]
    collection: Mapped[bytes]
    token_id: Mapped[Wei]
    kind: Mapped[str]
    wallet: Mapped[bytes]
    """Of REQUESTED: where the ticket shall go; of CANCELLED: who ended it."""
    epoch: Mapped[int | None] = mapped_column(BigInteger)
    """Of REQUESTED: the request dies with it."""
    ready_at: Mapped[int | None] = mapped_column(BigInteger)
    """Of REQUESTED: from when on it can be carried out, in Unix seconds."""


class ClaimCode(Base):
    """A single-use code that moves an escrowed ticket to a wallet. Only its hash is kept."""

    __tablename__ = "claim_codes"
    __table_args__ = (
        Index("uq_claim_codes_current", "ticket_id", unique=True, postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    """When a newer code replaced it."""


class ClaimAttempt(Base):
    """A wrong claim code from a client address; counted to slow guessing down, swept after a day."""

    __tablename__ = "claim_attempts"
    __table_args__ = (Index("ix_claim_attempts_client", "client", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    client: Mapped[bytes]
    """A keyed hash of the client's address, so that the table holds no personal data."""
    at: Mapped[datetime]


class Claim(Base):
    """A ticket on its way from escrow to its owner's wallet."""

    __tablename__ = "claims"
    __table_args__ = (
        _one_of("status", ClaimStatus, "status"),
        Index("uq_claims_open", "ticket_id", unique=True, postgresql_where=text("status IN ('PENDING', 'SENT')")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    claim_code_id: Mapped[UUID] = mapped_column(ForeignKey("claim_codes.id"))
    recipient: Mapped[bytes]
    status: Mapped[str]
    reason: Mapped[str | None]
    signature: Mapped[bytes]
    voucher: Mapped[bytes]
    send_id: Mapped[UUID | None]
    tx_hash: Mapped[bytes | None]
    created_at: Mapped[datetime]


class StatusChange(Leased, Base):
    """A status the platform decided (USED at the door, LOCKED by a refund) on its way to the chain.

    A ticket's are counted by `sequence` from 0 and sent one after the other: a lock may be taken back, and set again.
    """

    __tablename__ = "ticket_status_changes"
    __table_args__ = (
        UniqueConstraint("ticket_id", "sequence"),
        _one_of("status", StatusChangeStatus, "status"),
        _one_of("wanted", TicketStatus, "wanted"),
        Index("ix_ticket_status_changes_waiting", "run_after", postgresql_where=text("status = 'WAITING'")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("tickets.id"))
    sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    wanted: Mapped[str]
    status: Mapped[str]
    generation: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
