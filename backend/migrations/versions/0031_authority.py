"""Rights on our contracts, and BKS transfers that touch us, as projections of the index."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "authority_changes",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("right", sa.String(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("contract", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=True),
        sa.Column("value", sa.Numeric(78, 0), nullable=True),
        sa.PrimaryKeyConstraint("network", "block_hash", "log_index", "right", name=op.f("pk_authority_changes")),
    )
    op.create_index(
        "ix_authority_changes_latest",
        "authority_changes",
        ["network", "contract", "right", "subject", "block_number", "log_index"],
        unique=False,
    )
    op.create_index("ix_authority_changes_block", "authority_changes", ["network", "block_number"], unique=False)
    op.create_table(
        "bks_transfers",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sender", sa.LargeBinary(), nullable=False),
        sa.Column("receiver", sa.LargeBinary(), nullable=False),
        sa.Column("amount", sa.Numeric(78, 0), nullable=False),
        sa.Column("purpose", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("network", "block_hash", "log_index", name=op.f("pk_bks_transfers")),
    )
    op.create_index("ix_bks_transfers_block", "bks_transfers", ["network", "block_number"], unique=False)
    op.create_index("ix_bks_transfers_purpose", "bks_transfers", ["network", "purpose"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table("bks_transfers")
    op.drop_table("authority_changes")
