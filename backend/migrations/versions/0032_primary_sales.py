"""Sales of the box office beside those of the market, filled from the facts there are."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# TicketsBought(bytes32 indexed,address indexed,uint256 indexed,uint16,uint16,address,uint256,uint256)
_TICKETS_BOUGHT = "91484d020ab49cf95da7610fa3790a83c94c3a20096c50361dfd143b135ba305"
_WORD = 32
_PARTS = 8
_PART_BITS = 32


def upgrade() -> None:
    """Let `sales` have them, and read the ones that were indexed already."""
    op.drop_constraint(op.f("ck_sales_kind"), "sales", type_="check")
    op.create_check_constraint(op.f("ck_sales_kind"), "sales", "kind IN (0, 1, 2)")
    op.add_column("sales", sa.Column("quantity", sa.Integer(), nullable=False, server_default="1"))
    price, fee = _number("l.data", 3), _number("l.data", 4)
    op.execute(f"""
        INSERT INTO sales (network, tx_hash, log_index, block_hash, block_number, sold_at, collection, token_id,
                           quantity, seller, buyer, currency, price, royalty_receiver, royalty, fee_receiver, fee,
                           kind, order_hash)
        SELECT l.network, l.tx_hash, l.log_index, l.block_hash, l.block_number, b.timestamp, l.address,
               {_number("l.topics[4]", 0)}, {_number("l.data", 1)}::integer, l.address,
               substring(l.topics[3] FROM 13), substring(l.data FROM 77 FOR 20), {price},
               decode(repeat('00', 20), 'hex'), 0,
               CASE WHEN {fee} = 0 THEN decode(repeat('00', 20), 'hex') ELSE l.address END, {fee}, 0, l.topics[2]
        FROM chain_logs l
        JOIN chain_blocks b ON b.network = l.network AND b.hash = l.block_hash AND b.canonical
        WHERE l.topics[1] = decode('{_TICKETS_BOUGHT}', 'hex')
        ON CONFLICT DO NOTHING
    """)


def downgrade() -> None:
    """Forget them; the index reads them again when it is rebuilt."""
    op.execute("DELETE FROM sales WHERE kind = 0")
    op.drop_column("sales", "quantity")
    op.drop_constraint(op.f("ck_sales_kind"), "sales", type_="check")
    op.create_check_constraint(op.f("ck_sales_kind"), "sales", "kind IN (1, 2)")


def _number(data: str, index: int) -> str:
    """Return SQL for the `index`-th word of `data` as a number: 32 bits at a time, eight of them added."""
    parts = []
    for part in range(_PARTS):
        at = index * _WORD + part * 4 + 1
        read = f"('x' || encode(substring({data} FROM {at} FOR 4), 'hex'))::bit({_PART_BITS})::bigint::numeric"
        parts.append(f"{read} * {2 ** (_PART_BITS * (_PARTS - 1 - part))}")
    return f"({' + '.join(parts)})"
