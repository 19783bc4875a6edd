"""Mutation operators on statements: what is left out, and which way a branch goes."""

from __future__ import annotations

from collections.abc import Iterator

from bench.mutation_kit.expressions import Edit
from bench.mutation_kit.syntax import Node, Place

_LEFT_OUT = {"ExpressionStatement", "EmitStatement", "YulExpressionStatement", "YulAssignment"}
_DECIDED = {"BinaryOperation", "UnaryOperation"}
"""Conditions whose own operators are replaced already: negating them too would say the same again."""


def statement_edits(place: Place) -> Iterator[tuple[tuple[int, int], Edit]]:
    """Yield every edit of the statement at a place, each with the bytes it replaces."""
    node = place.node
    if place.kind in _LEFT_OUT:
        span = _with_semicolon(place)
        # Without a semicolon it is the step of a for loop, where a block cannot stand.
        is_step = place.text[span[1] - 1 : span[1]] != b";" and not place.kind.startswith("Yul")
        yield span, ("SDL", "" if is_step else "{}")
    elif place.kind == "Return":
        yield _with_semicolon(place), ("RVR" if node.get("expression") else "SDL", "{}")
    elif place.kind == "IfStatement":
        yield from _branch(place)
    elif place.kind == "ModifierInvocation" and node.get("kind") == "modifierInvocation":
        yield place.span, ("MOD", "")


def _branch(place: Place) -> Iterator[tuple[tuple[int, int], Edit]]:
    node = place.node
    condition = node["condition"]
    span = place.at(condition).span
    if _reverts(node["trueBody"]) and not node.get("falseBody"):
        # It still looks, for what looking itself does, but lets everything pass.
        yield _with_semicolon(place), ("GRD", f"if ({place.says(condition)}) {{}}")
    else:
        yield span, ("CBR", "false")
        yield span, ("CBR", "true")
    if condition["nodeType"] not in _DECIDED:
        yield span, ("COI", f"!({place.says(condition)})")


def _reverts(body: Node) -> bool:
    if body["nodeType"] == "Block":
        return len(body["statements"]) == 1 and _reverts(body["statements"][0])
    return bool(body["nodeType"] == "RevertStatement")


def _with_semicolon(place: Place) -> tuple[int, int]:
    start, end = place.span
    is_followed = place.text[end : end + 1] == b";"
    return start, end + 1 if is_followed else end
