"""The index in the order of the chain: one key that ends at the newest block instead of two, one of them scattered.

A block's hash decides its number, so a key of (number, hash, index) refuses all that one of (hash, index) refused, and
serves what was asked by number. Rows then go to the right edge of one index: reading a past writes less.
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLES = {
    "chain_logs": "ix_chain_logs_position",
    "token_movements": "ix_token_movements_block",
    "market_logs": "ix_market_logs_block",
}
_SECOND = {"chain_logs": ("block_number", "log_index")}


def upgrade() -> None:
    """Let the primary keys begin with the block's number; drop the indices that did."""
    for table, index in _TABLES.items():
        op.drop_constraint(op.f(f"pk_{table}"), table, type_="primary")
        op.create_primary_key(op.f(f"pk_{table}"), table, ["network", "block_number", "block_hash", "log_index"])
        op.drop_index(index, table)


def downgrade() -> None:
    """Key them by hash again."""
    for table, index in _TABLES.items():
        op.create_index(index, table, ["network", *_SECOND.get(table, ("block_number",))])
        op.drop_constraint(op.f(f"pk_{table}"), table, type_="primary")
        op.create_primary_key(op.f(f"pk_{table}"), table, ["network", "block_hash", "log_index"])
