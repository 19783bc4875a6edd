"""What a token's story comes to: its movements, folded in the order of the chain, give who holds it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from backend.tickets.rules import ZERO_ADDRESS

MINT, BURN, STATUS = "MINT", "BURN", "STATUS"
VOID = 3
"""The status of a burned token, as on chain."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One thing that happened to one token. Which fields are set follows from `kind`; see `token_movements`."""

    block_number: int
    log_index: int
    kind: str
    to_owner: bytes | None = None
    epoch: int | None = None
    tier: int | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A token as its movements leave it."""

    owner: bytes
    tier: int
    status: int
    epoch: int
    minted_block: int
    updated_block: int


class BrokenStory(Exception):
    """A token moved before it was minted, or moved nowhere: facts are missing, so nothing may be concluded."""


def advance(held: Held | None, movement: Movement) -> Held:
    """Return the token after one more movement. Raises BrokenStory."""
    at = movement.block_number
    if movement.kind == MINT:
        if movement.to_owner is None or held is not None:
            raise BrokenStory(f"minted twice or to nobody in block {at}")
        return Held(movement.to_owner, movement.tier or 0, 0, 0, at, at)
    if held is None:
        raise BrokenStory(f"{movement.kind} before the mint, in block {at}")
    if movement.kind == STATUS:
        if movement.status is None:
            raise BrokenStory(f"a status change without a status in block {at}")
        return replace(held, status=movement.status, updated_block=at)
    if movement.kind == BURN:
        return replace(held, owner=ZERO_ADDRESS, status=VOID, updated_block=at)
    if movement.to_owner is None or movement.epoch is None:
        raise BrokenStory(f"a move to nobody or without an epoch in block {at}")
    return replace(held, owner=movement.to_owner, epoch=movement.epoch, updated_block=at)


def fold(movements: Iterable[Movement]) -> Held | None:
    """Return the token after all movements, whatever order they come in; None when it was never minted."""
    held: Held | None = None
    for movement in sorted(movements, key=lambda m: (m.block_number, m.log_index)):
        held = advance(held, movement)
    return held
