"""Asking contracts for the answers that the index expects, many in a call, all at one block.

Who carries the call, and names the block by its hash, is the caller.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from backend.chain import multicall
from backend.chain.proving import Expectation

Ask = Callable[[bytes | None, bytes], bytes]
"""Runs an eth_call at the block in question: (to, data) -> what came back. Raises Reverted for a call that reverts."""


class Reverted(Exception):
    """The call reverted."""


@dataclass(slots=True)
class Outcome:
    """How many answers were asked for, and in words those that are not what was expected."""

    compared: int = 0
    findings: list[str] = field(default_factory=list)


def compare(expected: Iterable[Expectation], ask: Ask, told: Callable[[int], None] = lambda _: None) -> Outcome:
    """Ask for every answer. Raises what `ask` raises, and ValueError for an answer that is none."""
    outcome = Outcome()
    for chunk in _chunks(expected):
        data = multicall.question([(one.contract, one.data) for one in chunk])
        words = multicall.answers(ask(None, data), len(chunk))
        outcome.findings += [_finding(one, ask) for one, word in zip(chunk, words, strict=True) if word != one.word]
        outcome.compared += len(chunk)
        told(len(chunk))
    return outcome


def _chunks(expected: Iterable[Expectation]) -> Iterator[list[Expectation]]:
    waiting = iter(expected)
    while chunk := list(islice(waiting, multicall.AT_ONCE)):
        yield chunk


def _finding(one: Expectation, ask: Ask) -> str:
    """Ask once more by itself, for the words: what the contract really answers."""
    try:
        found = _shown(ask(one.contract, one.data))
    except Reverted:
        found = "a revert"
    return f"{one.about}: the index has {_shown(one.expected)}, the contract answers {found}"


def _shown(value: bytes | None) -> str:
    """Show words without their leading zeros."""
    if value is None:
        return "a revert"
    words = [value[at : at + multicall.WORD] for at in range(0, len(value), multicall.WORD)]
    return " ".join("0x" + (word.lstrip(b"\0").hex() or "0") for word in words) or "nothing"
