"""What the market keeps for those it could not pay, and recoveries that were asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the projections. What stands on chain already is read by `python -m indexer rebuild`."""
    op.create_table(
        "market_credits",
        *_log(),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.LargeBinary(), nullable=False),
        sa.Column("currency", sa.LargeBinary(), nullable=False),
        sa.Column("amount", sa.Numeric(78, 0), nullable=False),
        sa.Column("paid_to", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("kind IN ('CREDITED', 'WITHDRAWN')", name=op.f("ck_market_credits_kind")),
        sa.CheckConstraint("(kind = 'WITHDRAWN') = (paid_to IS NOT NULL)", name=op.f("ck_market_credits_paid_to")),
        sa.PrimaryKeyConstraint("network", "block_hash", "log_index", name=op.f("pk_market_credits")),
    )
    op.create_index("ix_market_credits_account", "market_credits", ["network", "account"])
    op.create_index("ix_market_credits_block", "market_credits", ["network", "block_number"])
    op.create_table(
        "recoveries",
        *_log(),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Numeric(78, 0), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("wallet", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("ready_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('REQUESTED', 'CANCELLED')", name=op.f("ck_recoveries_kind")),
        sa.CheckConstraint(
            "(kind = 'REQUESTED') = (epoch IS NOT NULL) AND (kind = 'REQUESTED') = (ready_at IS NOT NULL)",
            name=op.f("ck_recoveries_request"),
        ),
        sa.PrimaryKeyConstraint("network", "block_hash", "log_index", name=op.f("pk_recoveries")),
    )
    op.create_index(
        "ix_recoveries_token", "recoveries", ["network", "collection", "token_id", "block_number", "log_index"]
    )
    op.create_index("ix_recoveries_block", "recoveries", ["network", "block_number"])
    op.add_column("sales", sa.Column("credited", sa.SmallInteger(), nullable=False, server_default="0"))
    op.add_column("market_logs", sa.Column("is_credited", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("market_logs", "is_credited")
    op.drop_column("sales", "credited")
    op.drop_table("recoveries")
    op.drop_table("market_credits")


def _log() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
    )
