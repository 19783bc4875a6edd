"""Listings, offers and turns; what the market's logs say of them; the line at the box office."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.migrations.ops import tenant_table

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "market_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("market", sa.LargeBinary(), nullable=False),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Numeric(78, 0), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("signer", sa.LargeBinary(), nullable=False),
        sa.Column("next_wallet", sa.LargeBinary(), nullable=True),
        sa.Column("currency", sa.LargeBinary(), nullable=False),
        sa.Column("currency_code", sa.String(), nullable=False),
        sa.Column("price", sa.Numeric(78, 0), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("max_royalty_bps", sa.Integer(), nullable=False),
        sa.Column("max_fee_bps", sa.Integer(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("order_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.Column("permit", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("refused_by", sa.String(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('LISTING', 'OFFER', 'TURN')", name=op.f("ck_market_orders_kind")),
        sa.CheckConstraint("(status = 'INVALID') <= (reason IS NOT NULL)", name=op.f("ck_market_orders_reason")),
        sa.CheckConstraint("status = 'DRAFT' OR signature IS NOT NULL", name=op.f("ck_market_orders_signed")),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'LISTED', 'SETTLING', 'SETTLED', 'CANCELLED', 'EXPIRED', 'INVALID')",
            name=op.f("ck_market_orders_status"),
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_market_orders_ticket_id")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_market_orders_account_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_market_orders_organisation_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_market_orders_event_id")),
        sa.UniqueConstraint("network", "order_hash", name=op.f("uq_market_orders_network_order_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_market_orders")),
    )
    op.create_index(
        "ix_market_orders_open",
        "market_orders",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('DRAFT', 'LISTED')"),
    )
    op.create_index("ix_market_orders_token", "market_orders", ["network", "collection", "token_id"], unique=False)
    op.create_index("ix_market_orders_ticket_id", "market_orders", ["ticket_id"], unique=False)
    op.create_index("ix_market_orders_signer", "market_orders", ["network", "signer"], unique=False)
    op.create_index(
        "ix_market_orders_event_id", "market_orders", ["event_id", "kind", "status", "created_at", "id"], unique=False
    )
    op.create_table(
        "market_logs",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("signer", sa.LargeBinary(), nullable=False),
        sa.Column("order_hash", sa.LargeBinary(), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('SOLD', 'CANCELLED', 'ALL_CANCELLED')", name=op.f("ck_market_logs_kind")),
        sa.PrimaryKeyConstraint("network", "block_hash", "log_index", name=op.f("pk_market_logs")),
    )
    op.create_index("ix_market_logs_order", "market_logs", ["network", "order_hash"], unique=False)
    op.create_index("ix_market_logs_signer", "market_logs", ["network", "signer"], unique=False)
    op.create_index("ix_market_logs_block", "market_logs", ["network", "block_number"], unique=False)
    op.create_table(
        "buyback_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("tier_id", sa.Uuid(), nullable=False),
        sa.Column("wallet", sa.LargeBinary(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_buyback_line_event_id")),
        sa.ForeignKeyConstraint(["tier_id"], ["tiers.id"], name=op.f("fk_buyback_line_tier_id")),
        sa.ForeignKeyConstraint(["turn_id"], ["market_orders.id"], name=op.f("fk_buyback_line_turn_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_buyback_line_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_buyback_line")),
    )
    op.create_index("ix_buyback_line_event_id", "buyback_line", ["event_id"], unique=False)
    op.create_index(
        "uq_buyback_line_waiting",
        "buyback_line",
        ["tier_id", "wallet"],
        unique=True,
        postgresql_where=sa.text("served_at IS NULL AND left_at IS NULL"),
    )
    op.create_index("ix_buyback_line_tier_id", "buyback_line", ["tier_id", "id"], unique=False)
    tenant_table("market_orders")
    tenant_table("buyback_line")


def downgrade() -> None:
    """Undo."""
    op.drop_table("buyback_line")
    op.drop_table("market_logs")
    op.drop_table("market_orders")
