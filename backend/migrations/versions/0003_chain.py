"""The outbox of the chain (signers, sends, attempts) and its facts (blocks, logs, cursors)."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEND_STATES = "'QUEUED', 'WAITING', 'SENDING', 'MINED', 'FINAL', 'REVERTED', 'UNKNOWN', 'CANCELLED'"
_ATTEMPT_STATES = "'ALLOTTED', 'SIGNED', 'BROADCAST', 'MINED', 'FINAL', 'REPLACED', 'REVERTED', 'DROPPED'"


def upgrade() -> None:
    """Apply."""
    _create_signers()
    _create_sends()
    _create_attempts()
    _create_facts()


def _create_signers() -> None:
    op.create_table(
        "chain_signers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=False),
        sa.Column("seen_nonce", sa.BigInteger(), nullable=True),
        sa.Column("seen_balance", sa.Numeric(78, 0), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("next_nonce >= 0", name=op.f("ck_chain_signers_next_nonce")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_signers")),
        sa.UniqueConstraint("network", "address", name=op.f("uq_chain_signers_network_address")),
    )


def _create_sends() -> None:
    op.create_table(
        "chain_sends",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("signer_role", sa.String(), nullable=False),
        sa.Column("to_address", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.Numeric(78, 0), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("waits_on", postgresql.JSONB(), nullable=False),
        sa.Column("gas_limit", sa.BigInteger(), nullable=True),
        sa.Column("trace_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.CheckConstraint(f"status IN ({_SEND_STATES})", name=op.f("ck_chain_sends_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_sends")),
        sa.UniqueConstraint(
            "purpose", "subject_id", "generation", name=op.f("uq_chain_sends_purpose_subject_id_generation")
        ),
    )
    op.create_index(
        "ix_chain_sends_unfinished",
        "chain_sends",
        ["network", "signer_role", "created_at"],
        postgresql_where=sa.text("status IN ('QUEUED', 'WAITING', 'SENDING', 'MINED', 'UNKNOWN')"),
    )


def _create_attempts() -> None:
    op.create_table(
        "chain_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("send_id", sa.Uuid(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("signer", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("gas_limit", sa.BigInteger(), nullable=False),
        sa.Column("max_fee", sa.Numeric(78, 0), nullable=False),
        sa.Column("priority_fee", sa.Numeric(78, 0), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=True),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("receipt", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("broadcast_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"status IN ({_ATTEMPT_STATES})", name=op.f("ck_chain_attempts_status")),
        sa.CheckConstraint(
            "status IN ('ALLOTTED', 'REPLACED') OR (raw IS NOT NULL AND tx_hash IS NOT NULL)",
            name=op.f("ck_chain_attempts_signed"),
        ),
        sa.ForeignKeyConstraint(["send_id"], ["chain_sends.id"], name=op.f("fk_chain_attempts_send_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_attempts")),
        sa.UniqueConstraint("network", "tx_hash", name=op.f("uq_chain_attempts_network_tx_hash")),
    )
    op.create_index("ix_chain_attempts_send_id", "chain_attempts", ["send_id"])
    op.create_index(
        "uq_chain_attempts_nonce",
        "chain_attempts",
        ["network", "signer", "nonce"],
        unique=True,
        postgresql_where=sa.text("status <> 'REPLACED'"),
    )


def _create_facts() -> None:
    op.create_table(
        "chain_blocks",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("parent_hash", sa.LargeBinary(), nullable=True),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("canonical", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("network", "hash", name=op.f("pk_chain_blocks")),
    )
    op.create_index("ix_chain_blocks_number", "chain_blocks", ["network", "number"])
    op.create_table(
        "chain_logs",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.Integer(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tx_index", sa.Integer(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("network", "block_hash", "log_index", name=op.f("pk_chain_logs")),
    )
    op.create_index("ix_chain_logs_position", "chain_logs", ["network", "block_number", "log_index"])
    op.create_index("ix_chain_logs_address", "chain_logs", ["network", "address", "block_number"])
    op.create_table(
        "chain_cursors",
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.LargeBinary(), nullable=True),
        sa.Column("finalized_number", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'RUNNING'"), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('RUNNING', 'STUCK', 'HALTED')", name=op.f("ck_chain_cursors_status")),
        sa.PrimaryKeyConstraint("network", "name", name=op.f("pk_chain_cursors")),
    )


def downgrade() -> None:
    """Undo."""
    for table in ("chain_cursors", "chain_logs", "chain_blocks", "chain_attempts", "chain_sends", "chain_signers"):
        op.drop_table(table)
