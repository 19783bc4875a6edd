"""What each log says of rights, and what the contract must then answer. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]
ONE, NOBODY = b"", bytes(20)


@dataclass(frozen=True, slots=True)
class Right:
    """A right as a log sets it; see AuthorityChange."""

    right: str
    subject: bytes = ONE
    holder: bytes | None = None
    value: int | None = None


Reading = Callable[[Values], list[Right]]


def _held(right: str, who: str, limit: str | None = None) -> Reading:
    return lambda said: [Right(right, ONE, said[who], None if limit is None else said[limit])]


def _member(right: str, who: str) -> Reading:
    return lambda said: [Right(right, said[who], None, int(said["allowed"]))]


_OWNER = _held("owner", "newOwner")

READINGS: dict[str, dict[str, Reading]] = {
    "TicketCollection": {
        "OwnershipTransferred": _OWNER,
        "MinterChanged": _held("minter", "minter", "allowance"),
        "MintsPerDayChanged": lambda said: [Right("mintsPerDay", value=said["perDay"])],
        "QuoteSignerChanged": _held("quoteSigner", "signer", "perDay"),
        "ClaimSignerChanged": _held("claimSigner", "signer", "perDay"),
        "OperatorChanged": _held("operator", "operator"),
        "GuardianChanged": _held("guardian", "guardian"),
        "TreasuryChanged": _held("treasury", "treasury"),
        "FeeReceiverChanged": _held("feeReceiver", "receiver"),
        "RoyaltyChanged": _held("royalty", "receiver", "bps"),
        "MarketFixed": lambda said: [
            Right("market", holder=said["market"]),
            Right("resaleCurrency", holder=said["currency"]),
        ],
        "ScopesPaused": _held("paused", "by", "scopes"),
    },
    "CollectionFactory": {
        "OwnershipTransferred": _OWNER,
        "DeployerChanged": _member("isDeployer", "deployer"),
        "VersionAdded": lambda said: [
            Right("implementation", said["version"].to_bytes(4, "big"), said["implementation"])
        ],
    },
    "ResaleMarket": {
        "OwnershipTransferred": _OWNER,
        "FeeChanged": _held("fee", "receiver", "bps"),
    },
    "BKS": {
        "OwnershipTransferred": _OWNER,
        "MinterChanged": _member("isMinter", "minter"),
        "PauserChanged": _member("isPauser", "pauser"),
        "Paused": lambda said: [Right("paused", holder=said["by"], value=1)],
        "Unpaused": lambda said: [Right("paused", holder=said["by"], value=0)],
    },
}
"""Contract -> event -> what its log says."""

LIMITS = {"quoteSigner": "quotesPerDay", "claimSigner": "claimsPerDay"}
_BPS = 10_000

Answer = tuple[str, list[Any], bytes]
"""A getter, its arguments, and the words it returns."""


def answers(right: Right, owner: bytes) -> Iterator[Answer]:
    """Yield what the contract must answer while `right` holds and `owner` owns it.

    What is left of a minter's allowance falls with each mint, without a log of its own: it is no answer to compare.
    """
    if right.right == "royalty":
        # ERC-2981: of a price of 10,000 the amount is the basis points.
        yield "royaltyInfo", [0, _BPS], _address(right.holder) + _word(right.value)
    elif right.right == "fee":
        yield "feeReceiver", [], _address(right.holder)
        yield "feeBps", [], _word(right.value)
    elif right.right == "implementation":
        yield "implementation", [int.from_bytes(right.subject, "big")], _address(right.holder)
    elif right.subject:
        yield right.right, [right.subject], _word(right.value)
    elif right.right in {"paused", "mintsPerDay"}:
        yield right.right, [], _word(right.value)
    else:
        # A treasury that is nobody is the owner, whoever that is.
        nobody = right.right == "treasury" and right.holder == NOBODY
        yield right.right, [], _address(owner if nobody else right.holder)
        if right.right in LIMITS:
            yield LIMITS[right.right], [], _word(right.value)


def _address(holder: bytes | None) -> bytes:
    return (holder or NOBODY).rjust(32, b"\0")


def _word(value: int | None) -> bytes:
    return (value or 0).to_bytes(32, "big")
