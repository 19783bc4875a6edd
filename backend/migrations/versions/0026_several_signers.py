"""Sends name the key that has to sign them; what was given up unsigned or beside a dropped attempt may stand."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_UNFINISHED = "status IN ('QUEUED', 'WAITING', 'OVERDUE', 'SENDING', 'MINED', 'UNKNOWN')"
_SIGNED = "status IN ('ALLOTTED', 'REPLACED'{}) OR (raw IS NOT NULL AND tx_hash IS NOT NULL)"


def _rules(by: str, more: str, free: str) -> None:
    op.drop_index("ix_chain_sends_unfinished", "chain_sends")
    where = sa.text(_UNFINISHED)
    op.create_index("ix_chain_sends_unfinished", "chain_sends", ["network", by, "created_at"], postgresql_where=where)
    op.drop_constraint(op.f("ck_chain_attempts_signed"), "chain_attempts", type_="check")
    op.create_check_constraint(op.f("ck_chain_attempts_signed"), "chain_attempts", _SIGNED.format(more))
    op.drop_index("uq_chain_attempts_nonce", "chain_attempts")
    op.create_index(
        "uq_chain_attempts_nonce",
        "chain_attempts",
        ["network", "signer", "nonce"],
        unique=True,
        postgresql_where=sa.text(free),
    )


def upgrade() -> None:
    """Add the columns; what is under way already is signed by the first key of its role."""
    op.add_column("chain_sends", sa.Column("signer", sa.LargeBinary(), nullable=True))
    op.add_column("chain_sends", sa.Column("signer_since", sa.BigInteger(), nullable=True))
    _rules("to_address", ", 'DROPPED'", "status NOT IN ('REPLACED', 'DROPPED')")


def downgrade() -> None:
    """Drop them. What was given up unsigned, and what was dropped beside a mined one, is called replaced."""
    op.execute("UPDATE chain_attempts SET status = 'REPLACED' WHERE status = 'DROPPED' AND raw IS NULL")
    op.execute(
        "UPDATE chain_attempts a SET status = 'REPLACED' FROM chain_attempts b WHERE a.status = 'DROPPED' "
        "AND b.id > a.id AND b.status <> 'REPLACED' AND (a.network, a.signer, a.nonce) = (b.network, b.signer, b.nonce)"
    )
    op.execute(
        "UPDATE chain_attempts a SET status = 'REPLACED' FROM chain_attempts b WHERE a.status = 'DROPPED' "
        "AND b.status NOT IN ('REPLACED', 'DROPPED') "
        "AND (a.network, a.signer, a.nonce) = (b.network, b.signer, b.nonce)"
    )
    _rules("signer_role", "", "status <> 'REPLACED'")
    op.drop_column("chain_sends", "signer_since")
    op.drop_column("chain_sends", "signer")
