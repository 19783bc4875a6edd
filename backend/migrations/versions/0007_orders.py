"""Orders and their lines."""

import sqlalchemy as sa
from alembic import op

from backend.migrations.ops import tenant_table

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATUSES = (
    "'AWAITING_PAYMENT', 'PAID', 'FULFILLED', 'EXPIRED', 'CANCELLED', 'PAID_LATE', 'REFUNDING', 'REFUNDED', 'STUCK'"
)
_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("events.id"), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("recipient", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_schedule", sa.SmallInteger(), nullable=False),
        sa.Column("fee_bps", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), sa.ForeignKey("payments.id"), nullable=True),
        sa.Column("placed_at", _moment, nullable=False),
        sa.Column("expires_at", _moment, nullable=False),
        sa.Column("cancel_asked_at", _moment, nullable=True),
        sa.Column("paid_at", _moment, nullable=True),
        sa.Column("changed_at", _moment, nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", _moment, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", _moment, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(f"status IN ({_STATUSES})", name="status"),
        sa.CheckConstraint("total_minor > 0", name="total_minor"),
        sa.CheckConstraint("fee_bps BETWEEN 0 AND 10000", name="fee_bps"),
        sa.CheckConstraint("recipient IS NULL OR octet_length(recipient) = 20", name="recipient"),
        sa.CheckConstraint("account_id IS NOT NULL OR email IS NOT NULL", name="buyer"),
        sa.UniqueConstraint("number"),
    )
    op.create_index("ix_orders_account_id_placed_at_id", "orders", ["account_id", "placed_at", "id"])
    op.create_index("ix_orders_email", "orders", ["email"])
    op.create_index("ix_orders_status_expires_at", "orders", ["status", "expires_at"])
    op.create_index("ix_orders_event_id", "orders", ["event_id"])
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("tier_id", sa.Uuid(), sa.ForeignKey("tiers.id"), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("unit_price_minor > 0", name="unit_price_minor"),
        sa.UniqueConstraint("order_id", "tier_id"),
    )
    op.create_index("ix_order_lines_tier_id", "order_lines", ["tier_id"])
    tenant_table("orders")
    tenant_table("order_lines")


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("order_lines")
    op.drop_table("orders")
