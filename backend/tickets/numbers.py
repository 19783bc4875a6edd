"""What the chain says of a batch number: in its newest block, and in one that two endpoints call final."""

from dataclasses import dataclass
from typing import Any

from backend.chain import abi
from backend.chain.port import ChainPort, ChainReader, Tag

UNUSED, MINTED, CANCELLED = 0, 1, 2
"""The contract's `batchState`."""
_CONTRACT = "TicketCollection"


@dataclass(frozen=True, slots=True)
class Said:
    """A number's state, and the hash of what was minted under it."""

    state: int
    contents_hash: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said of a number. `final` None: it was not asked for, since `newest` has it unused."""

    newest: Said
    final: Said | None

    @property
    def consumed(self) -> Said | None:
        """What has become of the number for good, by the word of two; None while it may still be undone, or unused."""
        return self.final if self.final is not None and self.final.state != UNUSED else None

    @property
    def is_unused(self) -> bool:
        """The newest block has it unused, and so has the final one if it was asked."""
        return self.newest.state == UNUSED and self.consumed is None


def ask(port: ChainPort, collection: bytes, number: int, *, for_good: bool) -> Answer:
    """Ask one node for both, a second for the final one. Outside of transactions.

    Sending a number again that seems unused does no harm, so that needs no second word, unless it is wanted `for_good`.
    Raises ChainUnreachable; where several endpoints are set up, also while no two say the same of a final block.
    """
    with port.look() as look:
        newest = _state(look.node, collection, number, "latest")
        if newest.state == UNUSED and not for_good:
            return Answer(newest, None)
        return Answer(newest, _state(look.node, collection, number, "finalized"))


def _state(node: ChainReader, collection: bytes, number: int, block: Tag) -> Said:
    call = abi.encode_call(_CONTRACT, "batchState", [number])
    answer: dict[str, Any] = abi.decode_output(_CONTRACT, "batchState", node.call(collection, call, block))
    return Said(answer["state"], answer["contentsHash"])
