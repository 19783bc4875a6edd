"""Collections, batches, mint jobs, tickets, claims; the index of who holds what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.migrations.ops import tenant_table

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _create_collections()
    _create_batches()
    _create_tickets()
    _create_mint_jobs()
    _create_index()
    _create_claims()
    _create_status_changes()
    for table in ("collections", "batches", "tickets", "mint_jobs", "claim_codes", "claims", "ticket_status_changes"):
        tenant_table(table)


def _create_collections() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("event_ref", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("params", postgresql.JSONB(), nullable=False),
        sa.Column("metadata_files", postgresql.JSONB(), nullable=False),
        sa.Column("metadata_cid", sa.String(), nullable=False),
        sa.Column("consent", sa.LargeBinary(), nullable=False),
        sa.Column("consent_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("next_batch", sa.BigInteger(), nullable=False),
        sa.Column("mismatches", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("live_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'CONSENTED', 'DEPLOYING', 'DEPLOYED', 'UNKNOWN', 'LIVE', 'MISMATCH', 'STUCK')",
            name=op.f("ck_collections_status"),
        ),
        sa.CheckConstraint("next_batch >= 1", name=op.f("ck_collections_next_batch")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_collections_event_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_collections_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("event_id", name=op.f("uq_collections_event_id")),
    )
    op.create_index("ix_collections_address", "collections", ["network", "address"], unique=False)
    op.create_index(op.f("ix_collections_organisation_id"), "collections", ["organisation_id"], unique=False)
    op.create_index(
        "ix_collections_unsettled",
        "collections",
        ["run_after"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('LIVE', 'MISMATCH', 'STUCK')"),
    )


def _create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.Column("contents_hash", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("send_id", sa.Uuid(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("cancel_generation", sa.Integer(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("landed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('OPEN', 'CLOSED', 'WAITING', 'UNKNOWN', 'CANCELLING', 'LANDED', 'FINAL', 'CANCELLED', 'STUCK')",
            name=op.f("ck_batches_status"),
        ),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_batches_collection_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_batches_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("collection_id", "number", name=op.f("uq_batches_collection_id_number")),
    )
    op.create_index(op.f("ix_batches_organisation_id"), "batches", ["organisation_id"], unique=False)
    op.create_index("ix_batches_status", "batches", ["status", "created_at"], unique=False)


def _create_tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("tier_id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=True),
        sa.Column("token_id", sa.Numeric(78, 0), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("custody", sa.String(), nullable=False),
        sa.Column("holder_account_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("custody IN ('ESCROW', 'WALLET')", name=op.f("ck_tickets_custody")),
        sa.CheckConstraint("status IN ('PENDING', 'LIVE', 'LOCKED', 'USED', 'VOID')", name=op.f("ck_tickets_status")),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_tickets_collection_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_tickets_event_id")),
        sa.ForeignKeyConstraint(["holder_account_id"], ["accounts.id"], name=op.f("fk_tickets_holder_account_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_tickets_order_id")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_tickets_order_line_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_tickets_organisation_id")),
        sa.ForeignKeyConstraint(["tier_id"], ["tiers.id"], name=op.f("fk_tickets_tier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("collection_id", "token_id", name=op.f("uq_tickets_collection_id_token_id")),
        sa.UniqueConstraint("order_line_id", "unit", name=op.f("uq_tickets_order_line_id_unit")),
    )
    op.create_index("ix_tickets_event_id", "tickets", ["event_id"], unique=False)
    op.create_index("ix_tickets_holder_account_id", "tickets", ["holder_account_id"], unique=False)
    op.create_index("ix_tickets_order_id", "tickets", ["order_id"], unique=False)
    op.create_index(op.f("ix_tickets_organisation_id"), "tickets", ["organisation_id"], unique=False)


def _create_mint_jobs() -> None:
    op.create_table(
        "mint_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("collection_id", sa.Uuid(), nullable=True),
        sa.Column("tier_number", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=True),
        sa.Column("escrow_reason", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=True),
        sa.Column("batch_index", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('QUEUED', 'BATCHED', 'MINTED', 'ESCROWED', 'FINAL', 'REFUNDING', 'STUCK')",
            name=op.f("ck_mint_jobs_status"),
        ),
        sa.CheckConstraint("(batch_id IS NULL) = (batch_index IS NULL)", name=op.f("ck_mint_jobs_batch_index")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_mint_jobs_batch_id")),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_mint_jobs_collection_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_mint_jobs_order_id")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_mint_jobs_order_line_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_mint_jobs_organisation_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_mint_jobs_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mint_jobs")),
        sa.UniqueConstraint("batch_id", "batch_index", name=op.f("uq_mint_jobs_batch_id_batch_index")),
        sa.UniqueConstraint("order_line_id", "unit", name=op.f("uq_mint_jobs_order_line_id_unit")),
        sa.UniqueConstraint("ticket_id", name=op.f("uq_mint_jobs_ticket_id")),
    )
    op.create_index(op.f("ix_mint_jobs_order_id"), "mint_jobs", ["order_id"], unique=False)
    op.create_index(op.f("ix_mint_jobs_organisation_id"), "mint_jobs", ["organisation_id"], unique=False)
    op.create_index(
        "ix_mint_jobs_queued",
        "mint_jobs",
        ["collection_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.create_index("ix_mint_jobs_status", "mint_jobs", ["status", "created_at"], unique=False)


def _create_index() -> None:
    op.create_table(
        "holdings",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Numeric(78, 0), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("minted_block", sa.BigInteger(), nullable=False),
        sa.Column("updated_block", sa.BigInteger(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("network", "collection", "token_id", name=op.f("pk_holdings")),
    )
    op.create_index("ix_holdings_owner", "holdings", ["owner"], unique=False)
    op.create_table(
        "token_movements",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Numeric(78, 0), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("from_owner", sa.LargeBinary(), nullable=True),
        sa.Column("to_owner", sa.LargeBinary(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("network", "block_hash", "log_index", name=op.f("pk_token_movements")),
    )
    op.create_index("ix_token_movements_block", "token_movements", ["network", "block_number"], unique=False)
    op.create_index(
        "ix_token_movements_token",
        "token_movements",
        ["network", "collection", "token_id", "block_number", "log_index"],
        unique=False,
    )


def _create_claims() -> None:
    op.create_table(
        "claim_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_claim_codes_organisation_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_claim_codes_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_claim_codes_code_hash")),
    )
    op.create_index(op.f("ix_claim_codes_organisation_id"), "claim_codes", ["organisation_id"], unique=False)
    op.create_index(
        "uq_claim_codes_current",
        "claim_codes",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "claim_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_attempts")),
    )
    op.create_index("ix_claim_attempts_client", "claim_attempts", ["client", "at"], unique=False)
    op.create_table(
        "claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("claim_code_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("voucher", sa.LargeBinary(), nullable=False),
        sa.Column("send_id", sa.Uuid(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('PENDING', 'SENT', 'DONE', 'FAILED')", name=op.f("ck_claims_status")),
        sa.ForeignKeyConstraint(["claim_code_id"], ["claim_codes.id"], name=op.f("fk_claims_claim_code_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_claims_organisation_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_claims_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    op.create_index(op.f("ix_claims_organisation_id"), "claims", ["organisation_id"], unique=False)
    op.create_index(
        "uq_claims_open",
        "claims",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('PENDING', 'SENT')"),
    )


def _create_status_changes() -> None:
    op.create_table(
        "ticket_status_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('SENT', 'DONE', 'WAITING', 'STUCK')", name=op.f("ck_ticket_status_changes_status")
        ),
        sa.CheckConstraint(
            "wanted IN ('PENDING', 'LIVE', 'LOCKED', 'USED', 'VOID')", name=op.f("ck_ticket_status_changes_wanted")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_ticket_status_changes_organisation_id")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_status_changes_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_status_changes")),
        sa.UniqueConstraint("ticket_id", "wanted", name=op.f("uq_ticket_status_changes_ticket_id_wanted")),
    )
    op.create_index(
        op.f("ix_ticket_status_changes_organisation_id"), "ticket_status_changes", ["organisation_id"], unique=False
    )
    op.create_index(
        "ix_ticket_status_changes_waiting",
        "ticket_status_changes",
        ["run_after"],
        unique=False,
        postgresql_where=sa.text("status = 'WAITING'"),
    )


def downgrade() -> None:
    """Undo."""
    for table in (
        "ticket_status_changes",
        "claims",
        "claim_attempts",
        "claim_codes",
        "token_movements",
        "holdings",
        "mint_jobs",
        "tickets",
        "batches",
        "collections",
    ):
        op.drop_table(table)
