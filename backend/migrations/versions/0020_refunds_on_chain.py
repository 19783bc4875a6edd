"""Refunds of what was paid on chain: payouts by wallets, statuses that follow one another, seats apart from status."""

import sqlalchemy as sa
from alembic import op

from backend.kit.db import WeiColumn
from backend.migrations.ops import tenant_table

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_ORDER_STATUSES = (
    "'AWAITING_PAYMENT', 'PAID', 'FULFILLED', 'EXPIRED', 'CANCELLED', 'PAID_LATE', 'REFUNDING', 'REFUNDED', 'STUCK'"
)
_NEW_ORDER_STATUSES = _ORDER_STATUSES.replace("'STUCK'", "'DISPUTED', 'DISPUTE_LOST', 'STUCK'")
_REFUND_STATUSES = "'REQUESTED', 'PENDING', 'SUCCEEDED', 'FAILED', 'STUCK'"
_NEW_REFUND_STATUSES = "'REQUESTED', 'PENDING', 'SUCCEEDED', 'FAILED', 'OWED', 'WITHDRAWN', 'STUCK'"


def _words(table: str, words: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_status"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_status"), table, f"status IN ({words})")


def upgrade() -> None:
    """Add what is new; seats follow from the status an order has."""
    _words("orders", _NEW_ORDER_STATUSES)
    _words("refunds", _NEW_REFUND_STATUSES)
    op.add_column("refunds", sa.Column("paid_from", sa.String(), nullable=True))
    _orders()
    _status_changes()
    _payouts()


def _orders() -> None:
    op.add_column("orders", sa.Column("seats", sa.Text(), nullable=True))
    op.add_column("orders", sa.Column("former_status", sa.Text(), nullable=True))
    # One that is STUCK unpaid got there while its payment was open: its seats are held.
    op.execute(
        "UPDATE orders SET seats = CASE WHEN paid_at IS NOT NULL THEN 'SOLD'"
        " WHEN status = 'AWAITING_PAYMENT' OR (status = 'STUCK' AND payment_id IS NULL) THEN 'HELD' ELSE 'NONE' END"
    )
    op.alter_column("orders", "seats", nullable=False)
    op.create_check_constraint(op.f("ck_orders_seats"), "orders", "seats IN ('HELD', 'SOLD', 'NONE')")
    op.create_check_constraint(op.f("ck_orders_former_status"), "orders", f"former_status IN ({_NEW_ORDER_STATUSES})")


def _status_changes() -> None:
    table = "ticket_status_changes"
    op.add_column(table, sa.Column("sequence", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        f"UPDATE {table} c SET sequence = n.place FROM (SELECT id, row_number() OVER"
        f" (PARTITION BY ticket_id ORDER BY created_at, id) - 1 AS place FROM {table}) n WHERE n.id = c.id"
    )
    op.drop_constraint(op.f(f"uq_{table}_ticket_id_wanted"), table, type_="unique")
    op.create_unique_constraint(op.f(f"uq_{table}_ticket_id_sequence"), table, ["ticket_id", "sequence"])


def _payouts() -> None:
    op.create_table(
        "refund_payouts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("refund_id", sa.Uuid(), sa.ForeignKey("refunds.id"), nullable=False),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("payee", sa.LargeBinary(), nullable=False),
        sa.Column("currency", sa.LargeBinary(), nullable=False),
        sa.Column("amount", WeiColumn(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_since", _MOMENT, nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("payer", sa.LargeBinary(), nullable=True),
        sa.Column("paid_from", sa.String(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", _MOMENT, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", _MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.UniqueConstraint("refund_id"),
        sa.CheckConstraint(
            "status IN ('LOCKING', 'OWED', 'PREPARED', 'SENT', 'PAID', 'WITHDRAWN', 'STUCK')", name="status"
        ),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint("(payer IS NULL) = (nonce IS NULL)", name="payer"),
    )
    op.create_index("ix_refund_payouts_organisation_id", "refund_payouts", ["organisation_id"])
    op.create_index("uq_refund_payouts_tx_hash", "refund_payouts", ["network", "tx_hash"], unique=True)
    op.create_index("ix_refund_payouts_status", "refund_payouts", ["status", "status_since"])
    op.create_index(
        "uq_refund_payouts_order_id",
        "refund_payouts",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'WITHDRAWN'"),
    )
    tenant_table("refund_payouts")


def downgrade() -> None:
    """Take it back. Refused by the old checks while any row is in a state that is new here."""
    op.drop_table("refund_payouts")
    table = "ticket_status_changes"
    op.drop_constraint(op.f(f"uq_{table}_ticket_id_sequence"), table, type_="unique")
    op.create_unique_constraint(op.f(f"uq_{table}_ticket_id_wanted"), table, ["ticket_id", "wanted"])
    op.drop_column(table, "sequence")
    op.drop_column("orders", "former_status")
    op.drop_column("orders", "seats")
    op.drop_column("refunds", "paid_from")
    _words("refunds", _REFUND_STATUSES)
    _words("orders", _ORDER_STATUSES)
