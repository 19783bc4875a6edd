"""Every error that a contract can revert with is asked for by a test of that contract, packages' errors included.

What has no name at all: calldata that does not decode, and a sum past 2^256 (a panic), for which a token would have to
exist in such numbers.
"""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

FIXTURES = {
    "TicketCollection": {"collection", "fresh", "office", "ruled", "asked", "small", "made", "implementation", "clone"},
    "ResaleMarket": {"market"},
    "CollectionFactory": {"factory"},
    "BKS": {"bks", "coin"},
}
"""What tests call the contracts. `each` is all four, one after another."""

INITIALISED_ONCE = "only the constructor initialises the owner"
UNREACHABLE = {
    "TicketCollection": {
        "AccountBalanceOverflow": "a wallet would need four billion tickets",
        "NewOwnerIsZeroAddress": "only Solady's transferOwnership has it, which always reverts here with another",
        "RoyaltyOverflow": "Solady allows 10000 basis points, setRoyalty at most 1000 (RoyaltyTooHigh)",
        "TokenAlreadyExists": "ids are taken from counters that only rise",
    },
    "ResaleMarket": {"AlreadyInitialized": INITIALISED_ONCE},
    "CollectionFactory": {"AlreadyInitialized": INITIALISED_ONCE},
    "BKS": {
        "AllowanceOverflow": "Solady declares it and never reverts with it",
        "AllowanceUnderflow": "Solady declares it and never reverts with it",
        "AlreadyInitialized": INITIALISED_ONCE,
        "NewOwnerIsZeroAddress": "only Solady's transferOwnership has it, which always reverts here with another",
        "Permit2AllowanceIsFixedAtInfinity": "Permit2 has no fixed allowance here",
        "TotalSupplyOverflow": "the cap comes first (CapExceeded)",
    },
}
"""Errors of an ABI that no call can cause, and why."""


def asked_for():
    """Return the errors that tests ask for, by contract.

    They do by `reverts(market.NotHolder)`, by `refused("StaleEpoch")` for one of the collection's that the market
    passes on, and by `getattr(clone, error)` with the names among the test's parameters.
    """
    found = defaultdict(set)
    for path in Path(__file__).parent.glob("test_*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and path.name != Path(__file__).name:
                for contract, error in _of(function):
                    found[contract].add(error)
    return found


def _of(function):
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute):
            yield from ((contract, node.attr) for contract in _contracts(node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = [text.value for text in ast.walk(function) if isinstance(text, ast.Constant)]
            if node.func.id == "refused":
                yield from (("TicketCollection", word) for word in words)
            elif node.func.id == "getattr":
                yield from ((contract, word) for contract in _contracts(node.args[0]) for word in words)


def _contracts(node):
    """Return which contracts `market`, `desk.market` or `each` stand for."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
    return [contract for contract, names in FIXTURES.items() if name == "each" or name in names]


@pytest.mark.parametrize("contract", FIXTURES)
def test_every_error_is_asked_for_by_a_test(project, contract):
    errors = {error.name for error in getattr(project, contract).contract_type.errors}
    assert errors - asked_for()[contract] == set(UNREACHABLE[contract])
