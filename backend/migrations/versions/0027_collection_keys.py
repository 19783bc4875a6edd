"""Collections name their minter and operator: as signed at first, then as the chain says."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns. What the chain says of collections that stand is read from their logs by the index itself."""
    for role in ("minter", "operator"):
        op.add_column("collections", sa.Column(role, sa.LargeBinary(), nullable=True))
        op.add_column("collections", sa.Column(f"{role}_since", sa.BigInteger(), nullable=True))
        op.execute(
            f"UPDATE collections SET {role} = decode(substr(params ->> '{role}', 3), 'hex') "
            f"WHERE params ->> '{role}' LIKE '0x%'"
        )
    op.create_index("ix_collections_minter", "collections", ["network", "minter"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_collections_minter", "collections")
    for role in ("operator", "minter"):
        op.drop_column("collections", f"{role}_since")
        op.drop_column("collections", role)
