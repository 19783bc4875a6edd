"""Rewards wait until their event is over."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0028"
branch_labels = None
depends_on = None

_STATUSES = "'SENT', 'DONE', 'SET_OFF', 'CANCELLED', 'STUCK'"


def upgrade() -> None:
    """Add the state and what finds it."""
    _states(f"'PENDING', {_STATUSES}")
    op.create_index("ix_rewards_pending", "rewards", ["id"], postgresql_where=sa.text("status = 'PENDING'"))


def downgrade() -> None:
    """Take the state away; rewards that wait are not given."""
    op.drop_index("ix_rewards_pending", "rewards")
    op.execute("UPDATE rewards SET status = 'CANCELLED' WHERE status = 'PENDING'")
    _states(_STATUSES)


def _states(known: str) -> None:
    op.drop_constraint(op.f("ck_rewards_status"), "rewards", type_="check")
    op.create_check_constraint(op.f("ck_rewards_status"), "rewards", f"status IN ({known})")
