"""Listings signed together under one root; and drafts may be withdrawn, or sold past this house."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_SIGNED = "ck_market_orders_signed"


def upgrade() -> None:
    """Apply."""
    op.add_column("market_orders", sa.Column("tree_id", sa.Uuid(), nullable=True))
    op.add_column("market_orders", sa.Column("proof", sa.ARRAY(sa.LargeBinary()), nullable=True))
    op.create_check_constraint(op.f("ck_market_orders_tree"), "market_orders", "(tree_id IS NULL) = (proof IS NULL)")
    op.create_index("ix_market_orders_tree_id", "market_orders", ["tree_id"])
    op.drop_constraint(op.f(_SIGNED), "market_orders")
    op.create_check_constraint(
        op.f(_SIGNED), "market_orders", "status NOT IN ('LISTED', 'INVALID', 'EXPIRED') OR signature IS NOT NULL"
    )


def downgrade() -> None:
    """Undo. What was withdrawn or sold without its signature has no place in the older table."""
    op.execute("DELETE FROM market_orders WHERE status <> 'DRAFT' AND signature IS NULL")
    op.drop_constraint(op.f(_SIGNED), "market_orders")
    op.create_check_constraint(op.f(_SIGNED), "market_orders", "status = 'DRAFT' OR signature IS NOT NULL")
    op.drop_index("ix_market_orders_tree_id", "market_orders")
    op.drop_column("market_orders", "proof")
    op.drop_column("market_orders", "tree_id")
