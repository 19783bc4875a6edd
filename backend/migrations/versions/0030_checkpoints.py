"""Checkpoints: roots over every ticket at final blocks, and what checks of the index came to."""

import sqlalchemy as sa
from alembic import op

from backend.migrations.ops import append_only, temporary_tables

revision = "0030"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("collections", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(root) = 32 AND length(block_hash) = 32", name=op.f("ck_checkpoints_hashes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoints")),
    )
    op.create_index("ix_checkpoints_latest", "checkpoints", ["network", "block_number", "id"], unique=False)
    op.create_table(
        "checkpoint_collections",
        sa.Column("checkpoint_id", sa.Uuid(), nullable=False),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "length(root) = 32 AND length(collection) = 20", name=op.f("ck_checkpoint_collections_bytes")
        ),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoints.id"], name=op.f("fk_checkpoint_collections_checkpoint_id")
        ),
        sa.PrimaryKeyConstraint("checkpoint_id", "collection", name=op.f("pk_checkpoint_collections")),
    )
    op.create_index(
        "ix_checkpoint_collections_latest",
        "checkpoint_collections",
        ["network", "collection", "block_number", "checkpoint_id"],
        unique=False,
    )
    op.create_table(
        "checkpoint_trees",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("collection", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("token_ids", sa.LargeBinary(), nullable=False),
        sa.Column("held", sa.LargeBinary(), nullable=False),
        sa.Column("nodes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("network", "collection", name=op.f("pk_checkpoint_trees")),
    )
    # Hashes do not compress, and of what is stored uncompressed a slice is read without the rest.
    for column in ("token_ids", "held", "nodes"):
        op.execute(f"ALTER TABLE checkpoint_trees ALTER COLUMN {column} SET STORAGE EXTERNAL")
    op.create_table(
        "index_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("compared", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("findings", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('CONTRACTS', 'REPLAY')", name=op.f("ck_index_checks_kind")),
        sa.CheckConstraint(
            "status IN ('DUE', 'AGREED', 'MISMATCH', 'REPAIRED', 'PASSED_OVER')", name=op.f("ck_index_checks_status")
        ),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.id"], name=op.f("fk_index_checks_checkpoint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_checks")),
    )
    op.create_index(
        "ix_index_checks_due", "index_checks", ["kind", "id"], postgresql_where=sa.text("status = 'DUE'"), unique=False
    )
    op.create_index("ix_index_checks_latest", "index_checks", ["network", "kind", "id"], unique=False)
    append_only("checkpoints")
    append_only("checkpoint_collections")
    temporary_tables()


def downgrade() -> None:
    """Undo."""
    op.drop_table("index_checks")
    op.drop_table("checkpoint_trees")
    op.drop_table("checkpoint_collections")
    op.drop_table("checkpoints")
