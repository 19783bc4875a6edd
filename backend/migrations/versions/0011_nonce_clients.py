"""From where each sign-in nonce was asked, as a keyed hash: nonces are counted by it and by wallet."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the two indexes the counting uses."""
    op.add_column("siwe_nonces", sa.Column("client", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_siwe_nonces_address_created_at"), "siwe_nonces", ["address", "created_at"])
    op.create_index(op.f("ix_siwe_nonces_client_created_at"), "siwe_nonces", ["client", "created_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_siwe_nonces_client_created_at"), table_name="siwe_nonces")
    op.drop_index(op.f("ix_siwe_nonces_address_created_at"), table_name="siwe_nonces")
    op.drop_column("siwe_nonces", "client")
