"""The line at the box office: numbered places that fans take themselves, invitations, and the turns of a place."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_OPEN_BEFORE = "served_at IS NULL AND left_at IS NULL"
_OPEN = "served_at IS NULL AND left_at IS NULL AND lapsed_at IS NULL"


def upgrade() -> None:
    """Apply. Who stood in line so far was put there by the promoter, who has the money."""
    op.add_column("buyback_line", sa.Column("account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=True))
    op.add_column("buyback_line", sa.Column("number", sa.BigInteger(), nullable=True))
    op.add_column("buyback_line", sa.Column("quantity", sa.Integer(), server_default="1", nullable=False))
    for moment in ("paid_at", "invited_until", "lapsed_at"):
        op.add_column("buyback_line", sa.Column(moment, sa.DateTime(timezone=True), nullable=True))
    # The owner sees no tenant's rows unless it says for whom it works.
    op.execute("SELECT set_config('app.tenant', 'platform', true)")
    op.execute(
        "UPDATE buyback_line SET paid_at = joined_at, number = counted.number FROM (SELECT id, "
        "row_number() OVER (PARTITION BY tier_id ORDER BY id) AS number FROM buyback_line) AS counted "
        "WHERE counted.id = buyback_line.id"
    )
    op.alter_column("buyback_line", "number", nullable=False)
    op.alter_column("buyback_line", "quantity", server_default=None)
    op.create_unique_constraint(op.f("uq_buyback_line_tier_id_number"), "buyback_line", ["tier_id", "number"])
    op.create_check_constraint(op.f("ck_buyback_line_quantity"), "buyback_line", "quantity BETWEEN 1 AND 10")
    op.drop_index("ix_buyback_line_tier_id", "buyback_line")
    op.drop_index("uq_buyback_line_waiting", "buyback_line")
    for name, column in (("uq_buyback_line_waiting", "wallet"), ("uq_buyback_line_waiting_account", "account_id")):
        op.create_index(name, "buyback_line", ["tier_id", column], unique=True, postgresql_where=sa.text(_OPEN))
    op.create_index("ix_buyback_line_account_id", "buyback_line", ["account_id"])
    op.create_index(
        "ix_buyback_line_invited",
        "buyback_line",
        ["invited_until"],
        postgresql_where=sa.text(f"paid_at IS NULL AND {_OPEN}"),
    )
    op.add_column("market_orders", sa.Column("place_id", sa.Uuid(), sa.ForeignKey("buyback_line.id"), nullable=True))
    op.execute(
        "UPDATE market_orders SET place_id = buyback_line.id FROM buyback_line "
        "WHERE buyback_line.turn_id = market_orders.id"
    )
    op.create_index("ix_market_orders_place_id", "market_orders", ["place_id"])
    op.drop_column("buyback_line", "turn_id")


def downgrade() -> None:
    """Undo. Who has not paid had no place before."""
    op.execute("SELECT set_config('app.tenant', 'platform', true)")
    op.add_column("buyback_line", sa.Column("turn_id", sa.Uuid(), sa.ForeignKey("market_orders.id"), nullable=True))
    op.execute(
        "UPDATE buyback_line SET turn_id = newest.id FROM (SELECT DISTINCT ON (place_id) place_id, id "
        "FROM market_orders WHERE place_id IS NOT NULL ORDER BY place_id, id DESC) AS newest "
        "WHERE newest.place_id = buyback_line.id"
    )
    op.drop_index("ix_market_orders_place_id", "market_orders")
    op.drop_column("market_orders", "place_id")
    op.execute("DELETE FROM buyback_line WHERE paid_at IS NULL")
    op.drop_index("ix_buyback_line_invited", "buyback_line")
    op.drop_index("ix_buyback_line_account_id", "buyback_line")
    op.drop_index("uq_buyback_line_waiting_account", "buyback_line")
    op.drop_index("uq_buyback_line_waiting", "buyback_line")
    op.create_index(
        "uq_buyback_line_waiting",
        "buyback_line",
        ["tier_id", "wallet"],
        unique=True,
        postgresql_where=sa.text(_OPEN_BEFORE),
    )
    op.drop_constraint(op.f("uq_buyback_line_tier_id_number"), "buyback_line")
    op.create_index("ix_buyback_line_tier_id", "buyback_line", ["tier_id", "id"])
    for column in ("lapsed_at", "invited_until", "paid_at", "quantity", "number", "account_id"):
        op.drop_column("buyback_line", column)
