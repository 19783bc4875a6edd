"""The compiler's syntax trees, walked with what is around each node. Comments and NatSpec are never reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Node = Mapping[str, Any]

_NAMED = {"FunctionDefinition", "ModifierDefinition"}


@dataclass(frozen=True)
class Place:
    """A node of a source, and the function (or state variable) it stands in."""

    node: Node
    source: str
    text: bytes
    contract: str
    function: str

    @property
    def kind(self) -> str:
        """The node's type in the compiler's words."""
        return str(self.node["nodeType"])

    @property
    def span(self) -> tuple[int, int]:
        """Where it begins and ends, in bytes."""
        return span_of(self.node)

    def says(self, node: Node) -> str:
        """Return the source text of a node."""
        start, end = span_of(node)
        return self.text[start:end].decode()

    def between(self, left: Node, right: Node) -> str:
        """Return the source text between two nodes."""
        return self.text[span_of(left)[1] : span_of(right)[0]].decode()

    def at(self, node: Node) -> Place:
        """Return the place of a node inside this one."""
        return Place(node, self.source, self.text, self.contract, self.function)


def span_of(node: Node) -> tuple[int, int]:
    """Return where a node begins and ends, in bytes of its source."""
    start, length, _file = (int(part) for part in str(node["src"]).split(":"))
    return start, start + length


def type_of(node: Node) -> str:
    """Return the type of an expression in the compiler's words; empty where it has none."""
    return str(node.get("typeDescriptions", {}).get("typeString") or "")


def places(tree: Node, source: str, text: str) -> Iterator[Place]:
    """Yield every node that code is made of: bodies of functions and modifiers, and the values of state variables."""
    encoded = text.encode()
    for contract in _contracts(tree):
        for part in contract["nodes"]:
            if part["nodeType"] in _NAMED and part.get("body"):
                name = str(part["name"] or part["kind"])
                for root in (*part.get("modifiers", ()), part["body"]):
                    yield from _within(Place(root, source, encoded, str(contract["name"]), name))
            elif part["nodeType"] == "VariableDeclaration" and part.get("value"):
                name = str(part["name"])
                yield from _within(Place(part["value"], source, encoded, str(contract["name"]), name))


def _contracts(tree: Node) -> Iterator[Node]:
    for part in tree["nodes"]:
        if part["nodeType"] == "ContractDefinition":
            yield part


def _within(place: Place) -> Iterator[Place]:
    yield place
    for child in _children(place.node):
        yield from _within(place.at(child))


def _children(node: Node) -> Iterator[Node]:
    for key, value in node.items():
        if key == "typeName":
            continue  # `new bytes32[](n)`: a type is no code
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, Mapping) and "nodeType" in one:
                yield one
