"""Disputes of payments, decisions about stuck orders, purchases that a person has looked at."""

import sqlalchemy as sa
from alembic import op

from backend.kit.db import WeiColumn
from backend.migrations.ops import append_only, tenant_table

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_PURCHASES = "'SETTLED', 'UNATTRIBUTED', 'MISMATCH'"


def _purchase_words(words: str) -> None:
    op.drop_constraint(op.f("ck_ticket_purchases_status"), "ticket_purchases", type_="check")
    op.create_check_constraint(op.f("ck_ticket_purchases_status"), "ticket_purchases", f"status IN ({words})")


def upgrade() -> None:
    """Add both tables and two words."""
    _purchase_words(f"{_PURCHASES}, 'HONOURED', 'CLOSED'")
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_ref", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("amount_minor", WeiColumn(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("settled_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["payment_id", "organisation_id"], ["payments.id", "payments.organisation_id"]),
        sa.UniqueConstraint("provider", "provider_ref"),
        sa.CheckConstraint("status IN ('OPEN', 'WON', 'LOST')", name="status"),
        sa.CheckConstraint("amount_minor > 0", name="amount_minor"),
    )
    op.create_index("ix_disputes_organisation_id", "disputes", ["organisation_id"])
    op.create_index("ix_disputes_payment_id", "disputes", ["payment_id"])
    op.create_index("ix_disputes_status_opened_at", "disputes", ["status", "opened_at"])
    tenant_table("disputes")
    op.create_table(
        "order_resolutions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("order_id", sa.Uuid(), sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stuck_since", _MOMENT, nullable=False),
        sa.Column("became", sa.Text(), nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=False),
        sa.CheckConstraint("resolution IN ('honour', 'void')", name="resolution"),
    )
    op.create_index("ix_order_resolutions_organisation_id", "order_resolutions", ["organisation_id"])
    op.create_index("ix_order_resolutions_order_id", "order_resolutions", ["order_id", "decided_at"])
    tenant_table("order_resolutions")
    append_only("order_resolutions")


def downgrade() -> None:
    """Drop them. Refused while a purchase has one of the new words."""
    op.drop_table("order_resolutions")
    op.drop_table("disputes")
    _purchase_words(_PURCHASES)
