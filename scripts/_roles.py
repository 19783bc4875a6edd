"""Every role of the platform's contracts: where it is kept, who reads as its holder, which calls give and take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import click

from scripts._contract import Contract
from scripts._inputs import ADDRESS, ZERO
from scripts._manifest import Manifest
from scripts._sending import Call

COLLECTION = "TicketCollection"


@dataclass(frozen=True)
class Limits:
    """What a grant may say beside the address; None leaves it as it is."""

    allowance: int | None = None
    per_day: int | None = None
    fee_bps: int | None = None


Calls = Callable[[Contract, str, Limits], list[Call]]


@dataclass(frozen=True)
class Role:
    """A role that one address holds, or, where `is_list`, any number."""

    contract: str
    reads: str
    grants: Calls
    revokes: Callable[[Contract, str], list[Call]] | None
    """None where the contract lets nobody take it."""
    giver: str
    """Who may give it, in words."""
    is_list: bool = False
    recorded: str | None = None
    """Its name in the manifest's "roles"."""
    limits: frozenset[str] = frozenset()
    """Which of Limits it takes."""
    sender: str = "owner"
    """What reads as who usually gives it."""

    def holds(self, contract: Contract, address: str) -> bool:
        """Tell whether the address holds it."""
        if self.is_list:
            return bool(contract.read(self.reads, address))
        return str(contract.read(self.reads)) == address


def _flag(contract: str, reads: str, setter: str, recorded: str) -> Role:
    return Role(
        contract,
        reads,
        lambda at, address, _limits: [Call(at, setter, (address, True))],
        lambda at, address: [Call(at, setter, (address, False))],
        giver=f"owner of {contract}",
        is_list=True,
        recorded=recorded,
    )


def _simple(reads: str, setter: str, giver: str = "the promoter") -> Role:
    return Role(
        COLLECTION,
        reads,
        lambda at, address, _limits: [Call(at, setter, (address,))],
        lambda at, _address: [Call(at, setter, (ZERO,))],
        giver,
    )


def _minter(at: Contract, address: str, limits: Limits) -> list[Call]:
    calls = []
    allowance = at.read("minterAllowance") if limits.allowance is None else limits.allowance
    if (at.read("minter"), at.read("minterAllowance")) != (address, allowance):
        calls.append(Call(at, "setMinter", (address, allowance)))
    if limits.per_day not in {None, at.read("mintsPerDay")}:
        calls.append(Call(at, "setMintsPerDay", (limits.per_day,)))
    return calls


def _signer(reads: str, reads_limit: str, setter: str, rotate: str) -> Role:
    def grant(at: Contract, address: str, limits: Limits) -> list[Call]:
        per_day = at.read(reads_limit) if limits.per_day is None else limits.per_day
        is_so = (at.read(reads), at.read(reads_limit)) == (address, per_day)
        return [] if is_so else [Call(at, setter, (address, per_day))]

    return Role(
        COLLECTION,
        reads,
        grant,
        lambda at, _address: [Call(at, rotate, (ZERO,))],
        giver="the promoter",
        limits=frozenset({"per_day"}),
    )


def _market_fee(at: Contract, address: str, limits: Limits) -> list[Call]:
    bps = at.read("feeBps") if limits.fee_bps is None else limits.fee_bps
    is_so = (at.read("feeReceiver"), at.read("feeBps")) == (address, bps)
    return [] if is_so else [Call(at, "setFee", (address, bps))]


def _owner(contract: str) -> Role:
    return Role(
        contract,
        "owner",
        lambda at, address, _limits: [Call(at, "completeOwnershipHandover", (address,))],
        None,
        giver="the new owner asks, then the present one confirms",
    )


ROLES: dict[str, Role] = {
    "deployer": _flag("CollectionFactory", "isDeployer", "setDeployer", "deployer"),
    "bks-minter": _flag("BKS", "isMinter", "setMinter", "bks_minters"),
    "bks-pauser": _flag("BKS", "isPauser", "setPauser", "bks_pausers"),
    "market-fee-receiver": Role(
        "ResaleMarket",
        "feeReceiver",
        _market_fee,
        lambda at, _address: [Call(at, "setFee", (ZERO, 0))],
        giver="owner of ResaleMarket",
        limits=frozenset({"fee_bps"}),
    ),
    "factory-owner": _owner("CollectionFactory"),
    "bks-owner": _owner("BKS"),
    "market-owner": _owner("ResaleMarket"),
    "owner": _owner(COLLECTION),
    "minter": Role(
        COLLECTION,
        "minter",
        _minter,
        lambda at, _address: [Call(at, "rotateMinter", (ZERO,))],
        giver="the promoter",
        limits=frozenset({"allowance", "per_day"}),
    ),
    "claim-signer": _signer("claimSigner", "claimsPerDay", "setClaimSigner", "rotateClaimSigner"),
    "quote-signer": _signer("quoteSigner", "quotesPerDay", "setQuoteSigner", "rotateQuoteSigner"),
    "operator": _simple("operator", "setOperator"),
    "guardian": _simple("guardian", "setGuardian"),
    "treasury": Role(
        COLLECTION,
        "treasury",
        lambda at, address, _limits: [Call(at, "setTreasury", (address,))],
        # Where nobody is named the owner reads as the treasury.
        lambda at, address: [] if at.read("owner") == address else [Call(at, "setTreasury", (ZERO,))],
        giver="the promoter",
    ),
    "fee-receiver": Role(
        COLLECTION,
        "feeReceiver",
        lambda at, address, _limits: [Call(at, "setFeeReceiver", (address,))],
        None,
        giver="the present fee receiver",
        sender="feeReceiver",
    ),
}
"""By the names that the command line knows."""


def record(manifest: Manifest, role: Role, address: str, *, holds: bool) -> None:
    """Write a platform role into the manifest: one deployer, lists for the token's roles."""
    if role.recorded is None:
        return
    name = role.recorded
    if name == "deployer":
        if holds:
            manifest.roles[name] = address
        elif manifest.roles.get(name) == address:
            del manifest.roles[name]
    else:
        others = [known for known in manifest.roles.get(name, []) if known != address]
        manifest.roles[name] = [*others, address] if holds else others
    manifest.save()


class _Wanted(click.ParamType):  # type: ignore[type-arg]  # as in _inputs.py
    """A role and an address, such as `deployer=0x...`."""

    name = "ROLE=0x..."

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both, checked."""
        role, separator, address = str(value).partition("=")
        if not separator:
            self.fail(f"{value!r} is not ROLE=0x...", param, ctx)
        if role not in ROLES:
            self.fail(f"{role!r} is none of the roles {', '.join(ROLES)}", param, ctx)
        return role, ADDRESS.convert(address, param, ctx)


WANTED = _Wanted()
