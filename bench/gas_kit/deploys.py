"""A collection ready to sell: roles, royalty, cap and the root of its metadata in place."""

from __future__ import annotations

from collections.abc import Mapping

from bench.gas_kit.build import Code
from bench.gas_kit.node import Node, Wrong
from bench.gas_kit.ours import (
    BASE_URI,
    DEPLOYER,
    GUARDIAN,
    MINTER,
    NATIVE,
    OPERATOR,
    PROMOTER,
    ROYALTY_BPS,
    SUPPLY,
    TREASURY,
    House,
)
from bench.gas_kit.peers import unlock

_TIERS = 2


def ours(house: House) -> dict[str, float]:
    """Return the gas of ours by its promoter, and as the house sends it: by consent, with resale terms of two tiers."""
    found: dict[str, float] = {}
    with house.node.undone():
        _, receipt = house.deploy(house.params(PROMOTER, NATIVE, tiers=0))
        found["deploy"] = receipt.gas
    with house.node.undone():
        params = house.params(house.promoter.address, house.coin.address, tiers=_TIERS)
        _, receipt = house.deploy(params, house.consent(params), DEPLOYER)
        found["deploy_with_terms"] = receipt.gas
    return found


def solady(node: Node, codes: Mapping[str, Code]) -> float:
    """Return the gas of a collection deployed whole on Solady. It has no terms of resale."""
    with node.undone():
        types = ["address[3]", "string", "uint64", "address", "uint96"]
        roles = [MINTER, OPERATOR, GUARDIAN]
        values = [roles, BASE_URI, SUPPLY, TREASURY, ROYALTY_BPS]
        made = node.deploy(PROMOTER, codes["SoladyCollection"], types, values)
        if made.ask("owner") != PROMOTER or made.ask("maxSupply") != SUPPLY or made.deployment is None:
            raise Wrong("Solady's collection is not ready to sell")
        if [made.ask("rolesOf", one) for one in roles] != [1, 2, 4]:
            raise Wrong("Solady's collection has not given its roles")
        if list(made.ask("royaltyInfo", 1, 10_000).values()) != [TREASURY, ROYALTY_BPS]:
            raise Wrong("Solady's collection has no royalty")
        return made.deployment.gas


def lock(node: Node, codes: Mapping[str, Code]) -> float:
    """Return the gas of an Unlock lock, a proxy as ours. It has no royalty and one role."""
    with node.undone():
        made, receipt = unlock(node, codes).deploy()
        if not made.contract.ask("isLockManager", MINTER):
            raise Wrong("nobody manages the lock")
        return receipt.gas
