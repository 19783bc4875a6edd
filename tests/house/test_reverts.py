"""A revert with a string, or with nothing, tells a caller less than an error that it can look up in the ABI."""

from collections.abc import Iterator

import pytest

from tests.house.contract_sources import nodes, texts, trees

_BARE = {"require", "revert", "assert"}


def unnamed(tree: dict) -> Iterator[str]:
    """Name the ways in which a file reverts without an error of its own."""
    for node in nodes(tree):
        if node["nodeType"] == "FunctionCall" and node["expression"].get("name") in _BARE:
            arguments = node["arguments"]
            # require(condition, Name(...)) carries an error.
            if len(arguments) != 2 or arguments[1]["nodeType"] != "FunctionCall":
                yield node["expression"]["name"]
        elif node["nodeType"] == "YulFunctionCall" and node["functionName"]["name"] in {"revert", "invalid"}:
            yield f"assembly {node['functionName']['name']}"


def test_every_revert_of_ours_has_a_name():
    assert {path: found for path, tree in trees(texts()).items() if (found := list(unnamed(tree)))} == {}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("revert();", ["revert"]),
        ('revert("no");', ["revert"]),
        ("require(false);", ["require"]),
        ('require(false, "no");', ["require"]),
        ("assert(false);", ["assert"]),
        ("assembly { revert(0, 0) }", ["assembly revert"]),
        ("assembly { invalid() }", ["assembly invalid"]),
        ("revert No();", []),
        ("require(false, No());", []),
    ],
)
def test_a_revert_without_a_name_is_seen(statement, found):
    contract = f"contract C {{ error No(); function f() external {{ {statement} }} }}"
    text = f"// SPDX-License-Identifier: MIT\npragma solidity 0.8.37;\n{contract}"
    assert list(unnamed(trees({"C.sol": text})["C.sol"])) == found
