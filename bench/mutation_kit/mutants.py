"""Every mutant of the contracts, with an id that outlives changes elsewhere, and which of them are critical."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bench.mutation_kit.expressions import expression_edits
from bench.mutation_kit.statements import statement_edits
from bench.mutation_kit.syntax import Place, places

OPERATORS: Final = {
    "ROR": "relational operator replaced",
    "AOR": "arithmetic operator replaced",
    "BOR": "bitwise operator replaced",
    "LCR": "logical connector replaced",
    "OD": "operand deleted",
    "UOD": "unary operator deleted",
    "UOR": "unary operator replaced",
    "COI": "condition negated",
    "CBR": "branch always or never taken",
    "COR": "one side of a conditional",
    "CRP": "constant one more or one less",
    "CSR": "caller, origin or contract exchanged",
    "ASR": "arguments exchanged",
    "SDL": "statement left out",
    "RVR": "return left out",
    "GRD": "guard passes everything",
    "MOD": "modifier left out",
}
"""Codes as in the literature on mutation testing; GRD, CSR and ASR are the ones it has for Solidity."""

_SKIPPED = ("contracts/interfaces/", "contracts/testdoubles/")
_ID_DIGITS = 10

GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "mint": frozenset(
        {
            "Minting.*",
            "TicketCollection.claim",
            "TicketCollection._claimDigest",
            "TicketStore._tokenId",
            "TicketStore._batchOf",
            "TicketStore._create",
            "TicketStore._createSafely",
            "TicketRules._countTaken",
            "CollectionRoles._spendAllowance",
            "CollectionRoles._countToday",
            "BKS.mint",
            "BKS.reward",
            "BKS._mintCapped",
        }
    ),
    "sale": frozenset(
        {
            "BoxOffice.buy",
            "TicketRules.marketMove",
            "TicketRules.capOf",
            "TicketRules.resaleHeldUntil",
            "ResaleMarket.buy",
            "ResaleMarket.acceptOffer",
            "ResaleMarket.sellBack",
            "ResaleMarket.known",
            "ResaleMarket._checkOrder",
            "ResaleMarket._checkTurn",
            "ResaleMarket._root",
            "ResaleMarket._checkHolder",
            "ResaleMarket._moveTicket",
            "ResaleMarket._share",
            "ResaleMarket._settle",
            "ResaleMarket._emitSale",
            "Payments.take",
        }
    ),
    "role": frozenset(
        {
            "CollectionRoles.*",
            "TwoStepOwnable.*",
            "BoxOffice.setTreasury",
            "BoxOffice._setTreasury",
            "BoxOffice.setFeeReceiver",
            "BoxOffice._setFeeReceiver",
            "TicketRules.setRules",
            "TicketRules._setRules",
            "TicketRules.setReceiverCodeHash",
            "TicketRules._fixMarket",
            "CollectionFactory.addVersion",
            "CollectionFactory.setDeployer",
            "CollectionFactory._checkConsent",
            "ResaleMarket.onlyOwnerOf",
            "ResaleMarket.setFee",
            "ResaleMarket._setFee",
            "BKS.onlyPauser",
            "BKS.setMinter",
            "BKS.setPauser",
            "BKS.pause",
            "BKS.unpause",
        }
    ),
    "withdraw": frozenset(
        {
            "BoxOffice.withdraw",
            "BoxOffice.withdrawFees",
            "BoxOffice.treasury",
            "BoxOffice._payDue",
            "ResaleMarket.withdraw",
            "ResaleMarket.withdrawBuyback",
            "ResaleMarket._changeFund",
            "ResaleMarket._payOut",
            "Payments.pay",
            "Payments.tryPay",
            "Guarded.*",
        }
    ),
}
"""The critical functions: where tickets come from, where money changes hands, who may do what, how money leaves."""


@dataclass(frozen=True)
class Mutant:
    """One small change of one source."""

    id: str
    source: str
    contract: str
    function: str
    operator: str
    span: tuple[int, int]
    original: str
    replacement: str

    @property
    def where(self) -> str:
        """Contract and function."""
        return f"{self.contract}.{self.function}"

    @property
    def groups(self) -> list[str]:
        """The critical groups its function is in."""
        names = {self.where, f"{self.contract}.*"}
        return [group for group, functions in GROUPS.items() if names & functions]

    def apply(self, text: str) -> str:
        """Return the source with the change made."""
        encoded, (start, end) = text.encode(), self.span
        return (encoded[:start] + self.replacement.encode() + encoded[end:]).decode()

    def line(self, text: str) -> int:
        """Return the number of the line where the change begins."""
        return text.encode()[: self.span[0]].count(b"\n") + 1


def all_mutants(trees: Mapping[str, Mapping[str, Any]], sources: Mapping[str, str]) -> list[Mutant]:
    """Return every mutant, in the order of the sources."""
    found: list[Mutant] = []
    for source in sorted(trees):
        if not source.startswith(_SKIPPED):
            found.extend(_of_source(source, trees[source], sources[source]))
    return found


def sample(mutants: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """Draw mutants without putting any back; the same seed draws the same from the same mutants."""
    ordered = sorted(mutants, key=lambda mutant: mutant.id)
    return random.Random(seed).sample(ordered, min(size, len(ordered)))  # noqa: S311 - repeatable on purpose


def critical(mutants: Iterable[Mutant], groups: Iterable[str]) -> list[Mutant]:
    """Return the mutants of the critical groups named."""
    wanted = set(groups)
    return [mutant for mutant in mutants if wanted & set(mutant.groups)]


def _of_source(source: str, tree: Mapping[str, Any], text: str) -> Iterator[Mutant]:
    seen: Counter[tuple[str, ...]] = Counter()
    spans: set[tuple[tuple[int, int], str]] = set()
    for place in places(tree, source, text):
        for span, (operator, replacement) in _edits(place):
            if (span, replacement) in spans:
                continue  # two operators that say the same
            spans.add((span, replacement))
            original = place.text[span[0] : span[1]].decode()
            key = (source, place.contract, place.function, operator, original, replacement)
            seen[key] += 1
            digest = hashlib.sha256("\0".join((*key, str(seen[key]))).encode()).hexdigest()[:_ID_DIGITS]
            yield Mutant(
                f"{place.contract}.{place.function}:{operator}:{digest}",
                source,
                place.contract,
                place.function,
                operator,
                span,
                original,
                replacement,
            )


def _edits(place: Place) -> Iterator[tuple[tuple[int, int], tuple[str, str]]]:
    yield from statement_edits(place)
    for edit in expression_edits(place):
        yield place.span, edit
