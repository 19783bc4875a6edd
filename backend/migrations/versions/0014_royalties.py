"""What each sale of the market paid to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sales",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("token_id", sa.Numeric(78, 0), nullable=False),
        sa.Column("seller", sa.LargeBinary(), nullable=False),
        sa.Column("buyer", sa.LargeBinary(), nullable=False),
        sa.Column("currency", sa.LargeBinary(), nullable=False),
        sa.Column("price", sa.Numeric(78, 0), nullable=False),
        sa.Column("royalty_receiver", sa.LargeBinary(), nullable=False),
        sa.Column("royalty", sa.Numeric(78, 0), nullable=False),
        sa.Column("fee_receiver", sa.LargeBinary(), nullable=False),
        sa.Column("fee", sa.Numeric(78, 0), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("order_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("royalty >= 0 AND fee >= 0 AND royalty + fee <= price", name=op.f("ck_sales_shares")),
        sa.CheckConstraint("kind IN (1, 2)", name=op.f("ck_sales_kind")),
        sa.PrimaryKeyConstraint("network", "tx_hash", "log_index", name=op.f("pk_sales")),
    )
    op.create_index("ix_sales_block", "sales", ["network", "block_number"], unique=False)
    op.create_index(
        "ix_sales_collection", "sales", ["network", "collection", "block_number", "log_index"], unique=False
    )
    op.create_index("ix_sales_sold_at", "sales", ["sold_at"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table("sales")
