"""Who reads a contract through its ABI reads NatSpec: whatever can be called, logged or reverted with has its own."""

import re
from collections.abc import Iterator

import pytest

from tests.house.contract_sources import nodes, texts, trees

_TAG = re.compile(r"@(notice|param|return|inheritdoc|title|dev)\b[ \t]*(\S*)")


@pytest.fixture(scope="module")
def sources() -> dict[str, dict]:
    return trees(texts())


def missing(path: str, tree: dict) -> Iterator[str]:
    """Name what a file leaves unsaid."""
    for contract in (node for node in tree["nodes"] if node["nodeType"] == "ContractDefinition"):
        if "title" not in _tags(contract):
            yield f"{path}: {contract['name']}: @title"
        for node in contract["nodes"]:
            if _is_public(node):
                name = node.get("name") or node.get("kind")
                yield from (f"{path}: {contract['name']}.{name}: {tag}" for tag in _unsaid(node))


def _is_public(node: dict) -> bool:
    kind = node["nodeType"]
    if kind in {"EventDefinition", "ErrorDefinition"}:
        return True
    if kind == "VariableDeclaration":
        return node["visibility"] == "public"
    # A constructor has no visibility of its own.
    return kind == "FunctionDefinition" and node.get("visibility", "public") in {"public", "external"}


def _unsaid(node: dict) -> Iterator[str]:
    tags = _tags(node)
    if "inheritdoc" in tags:
        return
    if "notice" not in tags:
        yield "@notice"
    if node["nodeType"] == "VariableDeclaration":
        return
    given = [parameter["name"] for parameter in node["parameters"]["parameters"] if parameter["name"]]
    yield from (f"@param {name}" for name in given if name not in tags.get("param", []))
    answers = node.get("returnParameters", {}).get("parameters", [])
    if len(tags.get("return", [])) != len(answers):
        yield f"@return, {len(answers)} times"


def _tags(node: dict) -> dict[str, list[str]]:
    """Return what stands behind each tag: for @param and @return the first word."""
    text = (node.get("documentation") or {}).get("text", "")
    tags: dict[str, list[str]] = {}
    for tag, word in _TAG.findall(text):
        tags.setdefault(tag, []).append(word)
    return tags


def test_everything_of_a_contract_that_others_see_is_documented(sources):
    assert [gap for path, tree in sources.items() for gap in missing(path, tree)] == []


def test_a_gap_is_seen(sources):
    path = "contracts/interfaces/IBKS.sol"
    assert list(missing(path, sources[path])) == []
    mint = next(node for node in nodes(sources[path]) if node.get("name") == "mint")
    whole = mint["documentation"]["text"]
    for tag in ("@param to", "@notice"):
        mint["documentation"]["text"] = whole.replace(tag, "")
        assert list(missing(path, sources[path])) == [f"{path}: IBKS.mint: {tag}"]
    mint["documentation"]["text"] = whole
