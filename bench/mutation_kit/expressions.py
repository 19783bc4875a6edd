"""Mutation operators on expressions, under the names the field gives them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from bench.mutation_kit.syntax import Node, Place, type_of

Edit = tuple[str, str]
"""The operator's name and what stands in the node's place."""

_RELATIONAL = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)}
_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "*"}
_BITWISE = {"&": "|", "|": "&", "^": "&", "<<": ">>", ">>": "<<"}
_LOGICAL = {"&&": "||", "||": "&&"}
_COMPOUND = {"+=": ("-=", "="), "-=": ("+=", "="), "*=": ("=",), "|=": ("=",), "&=": ("=",)}
_STEPS = {"++": "--", "--": "++"}
_ASSEMBLY = {
    "add": "sub",
    "sub": "add",
    "mul": "div",
    "div": "mul",
    "shl": "shr",
    "shr": "shl",
    "and": "or",
    "or": "and",
}
_NUMBER = re.compile(r"0x[0-9a-fA-F_]+|[0-9][0-9_]*")
_CALLER = {"msg.sender": ("tx.origin", "address(this)"), "address(this)": ("msg.sender",)}


def expression_edits(place: Place) -> Iterator[Edit]:
    """Yield every edit of the expression that stands at a place."""
    node = place.node
    match place.kind:
        case "BinaryOperation":
            yield from _binary(place)
        case "UnaryOperation":
            yield from _unary(place)
        case "Assignment":
            for other in _COMPOUND.get(node["operator"], ()):
                yield "AOR", _around(place, node["leftHandSide"], node["rightHandSide"], node["operator"], other)
        case "Conditional":
            yield "COR", f"({place.says(node['trueExpression'])})"
            yield "COR", f"({place.says(node['falseExpression'])})"
        case "Literal":
            yield from _literal(place)
        case "MemberAccess" | "FunctionCall":
            yield from _caller(place)
            if place.kind == "FunctionCall":
                yield from _arguments(place)
        case "TupleExpression":
            yield from _swapped(place, node["components"], node)
        case _:
            yield from _assembly(place)


def _assembly(place: Place) -> Iterator[Edit]:
    node = place.node
    if place.kind == "YulLiteral" and node["kind"] == "number":
        yield from _number(place.says(node))
    elif place.kind == "YulFunctionCall" and node["functionName"]["name"] in _ASSEMBLY:
        name = node["functionName"]["name"]
        yield "AOR", _ASSEMBLY[name] + place.says(node)[len(name) :]


def _binary(place: Place) -> Iterator[Edit]:
    node = place.node
    left, right, operator = node["leftExpression"], node["rightExpression"], node["operator"]
    for other in _RELATIONAL.get(operator, ()):
        yield "ROR", _around(place, left, right, operator, other)
    for name, table in (("AOR", _ARITHMETIC), ("BOR", _BITWISE), ("LCR", _LOGICAL)):
        if operator in table:
            yield name, _around(place, left, right, operator, table[operator])
    if operator in _LOGICAL or operator in {"|", "&"}:
        yield "OD", f"({place.says(left)})"
        yield "OD", f"({place.says(right)})"


def _around(place: Place, left: Node, right: Node, operator: str, other: str) -> str:
    gap = place.between(left, right).replace(operator, other, 1)
    return f"{place.says(left)}{gap}{place.says(right)}"


def _unary(place: Place) -> Iterator[Edit]:
    node = place.node
    operand, operator = place.says(node["subExpression"]), node["operator"]
    if operator in {"!", "~", "-"}:
        yield "UOD", f"({operand})"
    if operator in _STEPS:
        other = _STEPS[operator]
        yield "UOR", f"{other}{operand}" if node["prefix"] else f"{operand}{other}"


def _literal(place: Place) -> Iterator[Edit]:
    said = place.says(place.node)
    if place.node["kind"] == "bool":
        yield "CRP", "false" if said == "true" else "true"
    elif place.node["kind"] == "number":
        yield from _number(said)


def _number(said: str) -> Iterator[Edit]:
    """One more and one less. A hexadecimal number keeps its digits: they may name a type such as bytes10."""
    found = _NUMBER.match(said)
    if found is None:
        return
    digits = found.group()
    value = int(digits.replace("_", ""), 0)
    for other in (value + 1, value - 1):
        if other >= 0:
            told = f"0x{other:0{len(digits) - 2}x}" if digits.startswith("0x") else str(other)
            yield "CRP", told + said[found.end() :]


def _caller(place: Place) -> Iterator[Edit]:
    said = place.says(place.node)
    for other in _CALLER.get(said, ()):
        yield "CSR", other
    if said == "owner()":
        yield "CSR", "msg.sender"


def _arguments(place: Place) -> Iterator[Edit]:
    node = place.node
    is_encoding = place.says(node["expression"]).startswith("abi.")
    if node["kind"] != "typeConversion" and not is_encoding and not node.get("names"):
        yield from _swapped(place, node["arguments"], node)


def _swapped(place: Place, parts: list[Node], whole: Node) -> Iterator[Edit]:
    """Neighbours of one type change places."""
    said = place.says(whole)
    begin = place.span[0]
    for left, right in pairwise(parts):
        if left is None or right is None or not type_of(left) or type_of(left) != type_of(right):
            continue
        one, other = place.says(left), place.says(right)
        if one != other:
            start, end = place.at(left).span[0] - begin, place.at(right).span[1] - begin
            encoded = said.encode()
            swapped = f"{other}{place.between(left, right)}{one}".encode()
            yield "ASR", (encoded[:start] + swapped + encoded[end:]).decode()
