"""The door: challenges, scans and entries."""

import sqlalchemy as sa
from alembic import op

from backend.migrations.ops import append_only, tenant_table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the three tables; scans are only ever added."""
    op.create_table(
        "door_challenges",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("events.id"), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("network", sa.Text(), nullable=False),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Numeric(78, 0), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("steward_account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("opened_at", _moment, nullable=False),
        sa.Column("expires_at", _moment, nullable=False),
        sa.Column("used_at", _moment, nullable=True),
        sa.CheckConstraint("octet_length(nonce) = 32", name="nonce"),
        sa.CheckConstraint("octet_length(holder) = 20", name="holder"),
        sa.CheckConstraint("octet_length(collection) = 20", name="collection"),
        sa.UniqueConstraint("nonce"),
    )
    op.create_index("ix_door_challenges_ticket_id", "door_challenges", ["ticket_id"])
    op.create_table(
        "scans",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("events.id"), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), sa.ForeignKey("tickets.id"), nullable=True),
        sa.Column("challenge_id", sa.Uuid(), sa.ForeignKey("door_challenges.id"), nullable=True),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("signer", sa.LargeBinary(), nullable=True),
        sa.Column("steward_account_id", sa.Uuid(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("client_nonce", sa.Text(), nullable=False),
        sa.Column("scanned_at", _moment, nullable=False),
        sa.CheckConstraint("result IN ('ADMITTED', 'REFUSED')", name="result"),
        sa.CheckConstraint("(result = 'REFUSED') = (reason IS NOT NULL)", name="reason"),
        sa.UniqueConstraint("steward_account_id", "client_nonce"),
    )
    op.create_index("ix_scans_event_id_scanned_at", "scans", ["event_id", "scanned_at"])
    op.create_index("ix_scans_ticket_id", "scans", ["ticket_id"])
    op.create_table(
        "entries",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organisation_id", sa.Uuid(), sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("ticket_id", sa.Uuid(), sa.ForeignKey("tickets.id"), nullable=False),
        sa.Column("scan_id", sa.Uuid(), sa.ForeignKey("scans.id"), nullable=False),
        sa.Column("opened_at", _moment, nullable=False),
        sa.Column("closed_at", _moment, nullable=True),
    )
    # One ticket, two gates, the same moment: whatever the code does, the second open entry is refused here.
    op.create_index(
        "uq_entries_ticket_id_open",
        "entries",
        ["ticket_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    for table in ("door_challenges", "scans", "entries"):
        tenant_table(table)
    append_only("scans")


def downgrade() -> None:
    """Drop the three tables."""
    op.drop_table("entries")
    op.drop_table("scans")
    op.drop_table("door_challenges")
