"""Stripe's form encoding of nested parameters: `line_items[0][price_data][currency]=sek`."""

import re
from collections.abc import Iterable
from typing import Any

from tests.simulators.stripe.errors import StripeRefusal

_PARTS = re.compile(r"[^\[\]]+")
_SHAPE = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")


def decode(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the nested parameters; `a[0]` and `a[]` make lists. Raises StripeRefusal for keys of another shape."""
    tree: dict[str, Any] = {}
    for key, value in pairs:
        if _SHAPE.fullmatch(key) is None:
            raise StripeRefusal(400, f"Invalid parameter name: {key}", code="parameter_unknown", param=key)
        path = _PARTS.findall(key)
        if key.endswith("[]"):
            path.append(str(len(_node(tree, path, key))))
        *parents, last = path
        _node(tree, parents, key)[last] = value
    return {key: _lists(child) for key, child in tree.items()}


def _node(tree: dict[str, Any], path: list[str], key: str) -> dict[str, Any]:
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise StripeRefusal(400, f"Conflicting values for {key}", code="parameter_invalid", param=key)
    return tree


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    children = {key: _lists(child) for key, child in node.items()}
    if children and all(key.isdigit() for key in children):
        return [children[key] for key in sorted(children, key=int)]
    return children
