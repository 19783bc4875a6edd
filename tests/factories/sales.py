"""Rows of sales on chain."""

from itertools import count

from tests.factories.accounts import NOON
from tests.factories.tickets import ADDRESS, ALICE, BOB, CAROL, NETWORK

_numbers = count(1)


def make_sale_row(block: int, index: int, **values) -> dict:
    """Return the columns of a sale: Alice to Bob for 1,000, royalty 50 to Carol, fee 25."""
    number = next(_numbers)
    return {
        "network": NETWORK,
        "tx_hash": number.to_bytes(32),
        "log_index": index,
        "block_hash": block.to_bytes(32),
        "block_number": block,
        "sold_at": NOON,
        "collection": ADDRESS,
        "token_id": 65536 + number,
        "quantity": 1,
        "seller": ALICE,
        "buyer": BOB,
        "currency": bytes(20),
        "price": 1_000,
        "royalty_receiver": CAROL,
        "royalty": 50,
        "fee_receiver": CAROL,
        "fee": 25,
        "kind": 1,
        "order_hash": number.to_bytes(32),
        **values,
    }
