"""Where our branch and the node's part. Deeper than what was final, nobody but a person may decide."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.chain.models import ChainBlock
from indexer.apply import Place
from indexer.fetch import Mark
from indexer.node import Node
from indexer.rpc import NodeTrouble

_FIRST_LOOK = 16


class NodeBehind(NodeTrouble):
    """The node's chain is a part of ours, and shorter than what is final: it lags, it did not fork."""


class DeepReorg(Exception):
    """The node's chain differs from ours at or below a block that was final. The index halts and changes nothing."""

    def __init__(self, network: str, number: int, ours: bytes, theirs: bytes) -> None:
        """Say what differs, and what a person can do."""
        super().__init__(
            f"{network}: block {number} was final as 0x{ours.hex()}, the node now says 0x{theirs.hex()}. "
            "Nothing was changed. Ask a second, independent node for this block. If it agrees with us, the node is "
            "wrong: point the indexer at another (--rpc-url or EVM_RPC_URL) and start it again. If the network really "
            "undid final blocks: pause sales and minting, then run `python -m indexer rebuild --accept-deep-reorg`, "
            "and go through what was done for logs that are gone (fulfilled orders, ledger entries) by hand."
        )
        self.number = number


def our_branch(session: Session, network: str, place: Place) -> list[Mark]:
    """Return the blocks we have from the newest final one up to the newest, newest first."""
    lowest = min(place.finalized, place.mark.number)
    query = (
        select(ChainBlock.number, ChainBlock.hash)
        .where(ChainBlock.network == network, ChainBlock.number >= lowest, ChainBlock.canonical)
        .order_by(ChainBlock.number.desc())
    )
    return [Mark(number, block_hash) for number, block_hash in session.execute(query)]


def common_ancestor(node: Node, network: str, ours: list[Mark], finalized: int) -> Mark:
    """Return our newest block that is also the node's. Raises DeepReorg, NodeBehind, NodeTrouble."""
    for chunk in _looks(ours):
        for mark, theirs in zip(chunk, node.headers([mark.number for mark in chunk]), strict=True):
            if theirs is None:
                continue
            if theirs.hash == mark.hash:
                return mark
            if mark.number <= finalized:
                raise DeepReorg(network, mark.number, mark.hash, theirs.hash)
    raise NodeBehind("the node does not even have the block that is final")


def _looks(ours: list[Mark]) -> Iterator[list[Mark]]:
    """Look at a few blocks first: most reorgs are shallow."""
    start, size = 0, _FIRST_LOOK
    while start < len(ours):
        yield ours[start : start + size]
        start, size = start + size, size * 4
