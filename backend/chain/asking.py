"""Putting claims to contracts, many in a call, at one block by its hash. Who carries the call is the caller's."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from backend.chain import multicall
from backend.chain.proving import Claim

Ask = Callable[[bytes | None, bytes], bytes]
"""Runs an eth_call at the block in question: (to, data) -> what came back. Raises Reverted for a call that reverts."""


class Reverted(Exception):
    """The call reverted."""


@dataclass(slots=True)
class Outcome:
    """How many claims were put, and in words which do not hold."""

    compared: int = 0
    findings: list[str] = field(default_factory=list)


def put(claims: Iterable[Claim], ask: Ask, told: Callable[[int], None] = lambda _: None) -> Outcome:
    """Put every claim. Raises what `ask` raises, and ValueError for an answer that is none."""
    outcome = Outcome()
    for chunk in _chunks(claims):
        data = multicall.question([(claim.contract, claim.data) for claim in chunk])
        words = multicall.answers(ask(None, data), len(chunk))
        outcome.findings += [
            _finding(claim, ask) for claim, word in zip(chunk, words, strict=True) if word != claim.word
        ]
        outcome.compared += len(chunk)
        told(len(chunk))
    return outcome


def _chunks(claims: Iterable[Claim]) -> Iterator[list[Claim]]:
    waiting = iter(claims)
    while chunk := list(islice(waiting, multicall.AT_ONCE)):
        yield chunk


def _finding(claim: Claim, ask: Ask) -> str:
    """Ask once more by itself, for the words: what the contract really answers."""
    try:
        found = _shown(ask(claim.contract, claim.data))
    except Reverted:
        found = "a revert"
    return f"{claim.about}: the index has {_shown(claim.expected)}, the contract answers {found}"


def _shown(value: bytes | None) -> str:
    """Show words without their leading zeros."""
    if value is None:
        return "a revert"
    words = [value[at : at + multicall.WORD] for at in range(0, len(value), multicall.WORD)]
    return " ".join("0x" + (word.lstrip(b"\0").hex() or "0") for word in words) or "nothing"
