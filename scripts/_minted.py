"""What was minted in a collection, by its logs, and which of it nobody in the house knows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scripts import _known, _logs
from scripts._collections import AT_ONCE
from scripts._contract import Contract

_INDEX_BITS = 16
_SAFE_MINT = (1 << 52) | (1 << 51)
"""Set in the ids of safeMint, which the platform never calls."""


class Verdict(StrEnum):
    """What the file of known batches says of a mint."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    LATER = "later"
    """Minted after the file was written: another file must decide."""


@dataclass(frozen=True)
class Mint:
    """Tickets that one log made."""

    what: str
    tokens: range
    block: int
    verdict: Verdict


STATUSES = ("LIVE", "LOCKED", "USED", "VOID")


@dataclass(frozen=True)
class Ticket:
    """A ticket as it stands."""

    token: int
    owner: str | None
    """None when it is burnt."""
    status: str


def mints(at: Contract, known: _known.Known, known_until: int, first: int, last: int) -> list[Mint]:
    """Return every mint between the blocks `first` and `last`, judged; oldest first."""
    found = [_judged(mint, known_until) for mint in _batches(at, known, first, last)]
    found += [_judged(mint, known_until) for mint in _singles(at, known, first, last)]
    return sorted(found, key=lambda mint: (mint.block, mint.tokens.start))


def _judged(mint: Mint, known_until: int) -> Mint:
    """Leave undecided what the file could not know yet."""
    if mint.verdict is Verdict.UNKNOWN and mint.block > known_until:
        return Mint(mint.what, mint.tokens, mint.block, Verdict.LATER)
    return mint


def _batches(at: Contract, known: _known.Known, first: int, last: int) -> Iterator[Mint]:
    for log in _logs.read(at.address, [at.topic("BatchMinted")], first, last):
        told = at.decode("BatchMinted", log)
        number, contents = int(told["number"]), "0x" + bytes(told["contentsHash"]).hex()
        start = number << _INDEX_BITS
        verdict = Verdict.KNOWN if known.batches.get(number) == contents else Verdict.UNKNOWN
        yield Mint(f"batch {number}", range(start, start + int(told["count"])), int(log["blockNumber"]), verdict)


def _singles(at: Contract, known: _known.Known, first: int, last: int) -> Iterator[Mint]:
    """Single mints are bought by a quote, which TicketsBought names, or come from safeMint."""
    bought: dict[int, dict[str, Any]] = {}
    for log in _logs.read(at.address, [at.topic("TicketsBought")], first, last):
        told = at.decode("TicketsBought", log)
        bought[int(told["firstTokenId"])] = told
    for log in _logs.read(at.address, [at.topic("SinglesMinted")], first, last):
        told = at.decode("SinglesMinted", log)
        start = int(told["firstTokenId"])
        purchase = bought.get(start)
        quote = "0x" + bytes(purchase["quoteId"]).hex() if purchase else ""
        is_known = purchase is not None and known.quotes.get(quote) == _known.terms(purchase)
        what = "safeMint" if start & _SAFE_MINT == _SAFE_MINT else f"quote {quote}"
        verdict = Verdict.KNOWN if is_known else Verdict.UNKNOWN
        yield Mint(what, range(start, start + int(told["quantity"])), int(log["blockNumber"]), verdict)


def tickets(at: Contract, tokens: list[int]) -> list[Ticket]:
    """Return how tickets stand now, in the order asked for."""

    def look(token: int) -> Ticket:
        found = at.attempt("ticket", token)
        return Ticket(token, None, "BURNT") if found is None else Ticket(token, found[0], STATUSES[found[2]])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(look, tokens))
