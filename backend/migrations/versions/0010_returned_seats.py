"""How many seats of an order line went back on sale after its refund."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counter; nothing was returned so far."""
    op.add_column("order_lines", sa.Column("returned", sa.Integer(), server_default="0", nullable=False))
    op.create_check_constraint("returned", "order_lines", "returned BETWEEN 0 AND quantity")


def downgrade() -> None:
    """Drop it."""
    op.drop_constraint("returned", "order_lines", type_="check")
    op.drop_column("order_lines", "returned")
