"""Deadlines and ceilings of single sends, the state OVERDUE, and orders whose tickets are late."""

import sqlalchemy as sa
from alembic import op

from backend.kit.db import WeiColumn

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_SENDS = "'QUEUED', 'WAITING', {}'SENDING', 'MINED', 'FINAL', 'REVERTED', 'UNKNOWN', 'CANCELLED'"
_UNFINISHED = "status IN ('QUEUED', 'WAITING', {}'SENDING', 'MINED', 'UNKNOWN')"
_BATCHES = "'OPEN', 'CLOSED', 'WAITING', {}'UNKNOWN', 'CANCELLING', 'LANDED', 'FINAL', 'CANCELLED', 'STUCK'"
_LATE = "'OVERDUE', "


def _words(late: str) -> None:
    for table, words in (("chain_sends", _SENDS), ("batches", _BATCHES)):
        op.drop_constraint(op.f(f"ck_{table}_status"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_status"), table, f"status IN ({words.format(late)})")
    op.drop_index("ix_chain_sends_unfinished", "chain_sends")
    op.create_index(
        "ix_chain_sends_unfinished",
        "chain_sends",
        ["network", "signer_role", "created_at"],
        postgresql_where=sa.text(_UNFINISHED.format(late)),
    )


def upgrade() -> None:
    """Add the word and the columns; what is under way already has no deadline."""
    _words(_LATE)
    op.add_column("chain_sends", sa.Column("deadline", _MOMENT, nullable=True))
    op.add_column("chain_sends", sa.Column("fee_ceiling", WeiColumn(), nullable=True))
    op.add_column("orders", sa.Column("tickets_overdue_since", _MOMENT, nullable=True))


def downgrade() -> None:
    """Drop them; what is late waits."""
    op.execute("UPDATE chain_sends SET status = 'WAITING' WHERE status = 'OVERDUE'")
    op.execute("UPDATE batches SET status = 'WAITING' WHERE status = 'OVERDUE'")
    op.drop_column("orders", "tickets_overdue_since")
    op.drop_column("chain_sends", "fee_ceiling")
    op.drop_column("chain_sends", "deadline")
    _words("")
