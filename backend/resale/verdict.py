"""What the chain says against a signed order at this moment, before anybody signs or pays to take it up.

The index tells of moves, sales and withdrawals; this looks at what emits no log of ours: rules and shares as they are
now, a contract wallet that no longer confirms its signature, a buyer's balance and allowance. And it is ahead of the
index by a moment. Everything here asks the network: outside of transactions.
"""

from datetime import datetime

from backend.accounts.errors import BadSignature
from backend.accounts.proofs import verify
from backend.accounts.proofs.verify import Proof
from backend.chain.port import CallReverted, ChainPort
from backend.resale import market, payment, rules
from backend.resale.payment import Payer
from backend.resale.states import Kind
from backend.resale.taking import Taken
from backend.tickets.rules import ON_CHAIN_STATUS

SIGNATURE_REFUSED = "signature_refused"
"""The seller's or buyer's contract wallet does not confirm the signature any more: its keys were changed, say."""


def ahead_of_index(port: ChainPort, order: Taken) -> str | None:
    """Return what the chain has against the order already and the index will tell in a moment; None when nothing.

    Not to be kept: the index takes it back by itself when a block is undone. Raises ChainUnreachable.
    """
    try:
        ticket = market.read(port, market.COLLECTION, order.collection, "ticket", order.token_id)
    except CallReverted:
        return rules.Refusal.VOID  # burned
    if ticket["epoch"] != order.epoch:
        return "moved"
    if refusal := rules.OF_STATUS.get(ON_CHAIN_STATUS[ticket["status"]]):
        return refusal
    if order.kind == Kind.TURN:
        return None
    is_cancelled = market.read(port, market.MARKET, order.market, "isCancelled", order.signer, order.order_hash)
    counter = market.read(port, market.MARKET, order.market, "counterOf", order.signer)
    return "cancelled_on_chain" if is_cancelled or counter != order.counter else None


def against(port: ChainPort, order: Taken, now: datetime) -> str | None:
    """Return why market and collection would refuse the order, of what no log tells; None when they would not.

    To be kept beside the order until it is asked again. Raises ChainUnreachable.
    """
    try:
        terms = market.read_terms(port, order.kind, order.collection, order.token_id, order.market, order.signer)
    except CallReverted:
        return rules.Refusal.VOID  # burned: the collection knows no such token
    return (
        rules.refused_by(terms, order.kind, order.price, order.max_royalty_bps, order.max_fee_bps, now)
        or (None if order.kind == Kind.TURN else _unconfirmed(port, order))
        or (_unpaid(port, order) if order.kind == Kind.OFFER else None)
    )


def _unconfirmed(port: ChainPort, order: Taken) -> str | None:
    try:
        proof = verify.verify_typed_data(order.signer, order.words, order.signature, port)
    except BadSignature:
        return SIGNATURE_REFUSED
    return SIGNATURE_REFUSED if proof is Proof.UNDEPLOYED else None


def _unpaid(port: ChainPort, order: Taken) -> str | None:
    buyer = Payer(order.network, order.signer, order.market, order.currency, order.price)
    return payment.lacking(port, buyer, order.permit)
