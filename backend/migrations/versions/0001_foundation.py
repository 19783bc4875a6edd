"""Roles' privileges, and the kit's own tables: stored reactions and idempotency keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from backend.migrations.ops import WORKING_ROLES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _grant_working_roles()
    op.create_table(
        "reactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reaction", sa.String(), nullable=False),
        sa.Column("notice", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint("status IN ('WAITING', 'DONE', 'STUCK')", name=op.f("ck_reactions_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reactions")),
    )
    op.create_index("ix_reactions_waiting", "reactions", ["id"], postgresql_where=sa.text("status = 'WAITING'"))
    op.create_table(
        "idempotency_keys",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_keys")),
    )


def _grant_working_roles() -> None:
    connection = op.get_bind()
    known = set(
        connection.execute(
            sa.text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)"), {"names": list(WORKING_ROLES)}
        ).scalars()
    )
    missing = [role for role in WORKING_ROLES if role not in known]
    if missing:
        statements = " ".join(f"CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '...';" for role in missing)
        raise RuntimeError(f"the database has no role {', '.join(missing)}. As a superuser run: {statements}")
    roles = ", ".join(WORKING_ROLES)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {roles}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {roles}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {roles}")
    op.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {roles}")


def downgrade() -> None:
    """Undo."""
    op.drop_table("idempotency_keys")
    op.drop_index("ix_reactions_waiting", table_name="reactions")
    op.drop_table("reactions")
