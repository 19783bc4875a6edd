"""Orders withdrawn here that live on chain have a word of their own; tickets freeze at doors; metadata on chain."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_STATUSES = "'DRAFT', 'LISTED', 'SETTLING', 'SETTLED', 'CANCELLED', 'EXPIRED', 'INVALID'"
_SIGNED = "'LISTED', 'INVALID', 'EXPIRED'"
_OPEN = "'DRAFT', 'LISTED'"
_DEFAULTED = (
    ("resale_rules", "freezes_at_doors"),
    ("events", "metadata_frozen"),
    ("collections", "metadata_frozen"),
    ("collections", "metadata_marks"),
    ("collections", "metadata_read"),
)


def upgrade() -> None:
    """Let resale rules name the doors; add the word, also for orders that were called cancelled too early."""
    # What was stated so far meant what it said: null was never.
    op.add_column("resale_rules", _false("freezes_at_doors"))
    op.add_column("events", _false("metadata_frozen"))
    op.add_column("collections", _false("metadata_frozen"))
    op.add_column("collections", sa.Column("base_uri", sa.String(), nullable=True))
    # Marked once, so that the chain is asked about those that stand already.
    op.add_column("collections", sa.Column("metadata_marks", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("collections", sa.Column("metadata_read", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE collections SET metadata_marks = 1 WHERE live_at IS NOT NULL")
    for table, column in _DEFAULTED:
        op.alter_column(table, column, server_default=None)
    _words(f"{_STATUSES}, 'WITHDRAWN'", f"{_SIGNED}, 'WITHDRAWN'", f"{_OPEN}, 'WITHDRAWN'")
    op.execute(
        "UPDATE market_orders SET status = 'WITHDRAWN' "
        "WHERE status = 'CANCELLED' AND reason = 'withdrawn' AND signature IS NOT NULL AND expires_at >= now()"
    )


def downgrade() -> None:
    """Call them cancelled again, and forget the rest."""
    op.drop_column("collections", "base_uri")
    for table, column in _DEFAULTED:
        op.drop_column(table, column)
    op.execute("UPDATE market_orders SET status = 'CANCELLED' WHERE status = 'WITHDRAWN'")
    _words(_STATUSES, _SIGNED, _OPEN)


def _false(column: str) -> sa.Column[bool]:
    return sa.Column(column, sa.Boolean(), nullable=False, server_default=sa.false())


def _words(statuses: str, signed: str, is_open: str) -> None:
    op.drop_constraint(op.f("ck_market_orders_status"), "market_orders", type_="check")
    op.create_check_constraint(op.f("ck_market_orders_status"), "market_orders", f"status IN ({statuses})")
    op.drop_constraint(op.f("ck_market_orders_signed"), "market_orders", type_="check")
    op.create_check_constraint(
        op.f("ck_market_orders_signed"), "market_orders", f"status NOT IN ({signed}) OR signature IS NOT NULL"
    )
    op.drop_index("ix_market_orders_open", "market_orders")
    op.create_index(
        "ix_market_orders_open", "market_orders", ["expires_at"], postgresql_where=sa.text(f"status IN ({is_open})")
    )
