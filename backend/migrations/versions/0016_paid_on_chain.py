"""Paid on chain: prices in tokens, purchases by quote, and amounts that a token's base unit needs."""

import sqlalchemy as sa
from alembic import op

from backend.kit.db import WeiColumn
from backend.migrations.ops import tenant_table

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_moment = sa.DateTime(timezone=True)
_AMOUNTS = (
    ("orders", "total_minor"),
    ("order_lines", "unit_price_minor"),
    ("payments", "amount_minor"),
    ("payments", "refunded_minor"),
    ("refunds", "amount_minor"),
)
"""They were BIGINT: 9.2 BNB and no more."""


def upgrade() -> None:
    """Widen the amounts, add both tables."""
    for table, column in _AMOUNTS:
        op.alter_column(table, column, type_=WeiColumn(), existing_type=sa.BigInteger())
    op.create_table(
        "tier_prices",
        sa.Column("tier_id", sa.Uuid(), primary_key=True),
        sa.Column("currency", sa.Text(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("amount", WeiColumn(), nullable=False),
        sa.ForeignKeyConstraint(["tier_id", "organisation_id"], ["tiers.id", "tiers.organisation_id"]),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("currency IN ('BNB', 'BKS')", name="currency"),
    )
    tenant_table("tier_prices")
    op.create_table(
        "ticket_purchases",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("collection_id", sa.Uuid(), sa.ForeignKey("collections.id"), nullable=False),
        sa.Column("quote_id", sa.LargeBinary(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), sa.ForeignKey("payments.id"), nullable=True),
        sa.Column("buyer", sa.LargeBinary(), nullable=False),
        sa.Column("first_token_id", WeiColumn(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("currency", sa.LargeBinary(), nullable=False),
        sa.Column("price", WeiColumn(), nullable=False),
        sa.Column("fee", WeiColumn(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("settled_at", _moment, nullable=False),
        sa.UniqueConstraint("collection_id", "quote_id"),
        sa.CheckConstraint("status IN ('SETTLED', 'UNATTRIBUTED', 'MISMATCH')", name="status"),
    )
    op.create_index("ix_ticket_purchases_organisation_id", "ticket_purchases", ["organisation_id"])
    op.create_index("ix_ticket_purchases_payment_id", "ticket_purchases", ["payment_id"])
    op.create_index("ix_ticket_purchases_status", "ticket_purchases", ["status", "settled_at"])
    tenant_table("ticket_purchases")


def downgrade() -> None:
    """Drop both tables; amounts that fit become BIGINT again."""
    op.drop_table("ticket_purchases")
    op.drop_table("tier_prices")
    for table, column in _AMOUNTS:
        op.alter_column(table, column, type_=sa.BigInteger(), existing_type=WeiColumn())
