"""The picture for the README, as SVG: gas per ticket in a batch, and what a ticket has cost after so many moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from bench.gas_kit.table import Gas

_WIDE, _HIGH, _TOP, _BOTTOM = 900, 310, 92, 275
_OURS, _OTHERS, _INK, _LINE = "#0b6e4f", "#9aa5b1", "#1f2933", "#cbd2d9"
_BARS = ("Backstage", "Solady", "OpenZeppelin", "ERC721A", "Unlock")
_LINES = ("Backstage", "Solady")
_MOST_MOVES = 4
_BATCH = "batch_200"


def svg(gas: Gas) -> str:
    """Draw it."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" font-family="sans-serif">',
        f'<rect width="{_WIDE}" height="{_HIGH}" fill="#ffffff"/>',
        *_bars({title: gas[title][_BATCH] for title in _BARS if title in gas}),
        *_climbs({title: after_moves(gas[title]) for title in _LINES if title in gas}),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def after_moves(gas: Mapping[str, float]) -> list[float]:
    """Return what a ticket of a batch of 200 has cost after 0, 1, 2, ... transfers, each to a new holder."""
    costs = [gas[_BATCH], gas[_BATCH] + gas["first_transfer_new"]]
    while len(costs) <= _MOST_MOVES:
        costs.append(costs[-1] + gas["transfer_new"])
    return costs


def _bars(costs: Mapping[str, float]) -> list[str]:
    left, wide, step = 20, 400, 80
    most = max(costs.values())
    parts = [_text(left, 30, "Gas per ticket, batch of 200 to new holders", bold=True)]
    for number, (title, cost) in enumerate(costs.items()):
        high = (_BOTTOM - _TOP) * cost / most
        x = left + number * step
        colour = _OURS if number == 0 else _OTHERS
        parts.append(
            f'<rect x="{x + 10}" y="{_BOTTOM - high:.1f}" width="{step - 24}" height="{high:.1f}" fill="{colour}"/>'
        )
        parts.append(_text(x + step / 2 - 2, _BOTTOM - high - 6, f"{cost:,.0f}", middle=True))
        parts.append(_text(x + step / 2 - 2, _BOTTOM + 18, title, middle=True, size=11))
    parts.append(f'<path d="M{left} {_BOTTOM}h{wide}" stroke="{_LINE}"/>')
    return parts


def _climbs(costs: Mapping[str, Sequence[float]]) -> list[str]:
    left, wide = 500, 330
    most = max(climb[-1] for climb in costs.values())
    parts = [_text(left - 20, 30, "Gas a ticket has cost, by how often it was given away", bold=True)]
    parts.append(f'<path d="M{left} {_TOP}V{_BOTTOM}h{wide}" fill="none" stroke="{_LINE}"/>')
    parts += [
        _text(left + wide * moves / _MOST_MOVES, _BOTTOM + 18, str(moves), middle=True, size=11)
        for moves in range(_MOST_MOVES + 1)
    ]
    for number, (title, climb) in enumerate(costs.items()):
        points = [
            (left + wide * moves / _MOST_MOVES, _BOTTOM - (_BOTTOM - _TOP) * cost / most)
            for moves, cost in enumerate(climb)
        ]
        colour = _OURS if number == 0 else _OTHERS
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        parts.append(f'<rect x="{left + 14}" y="{52 + 18 * number}" width="14" height="4" fill="{colour}"/>')
        parts.append(
            _text(left + 34, 58 + 18 * number, f"{title}: {climb[0]:,.0f} at mint, {climb[-1]:,.0f} in the end")
        )
    return parts


def _text(x: float, y: float, words: str, *, bold: bool = False, middle: bool = False, size: int = 13) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{_INK}" font-size="{size}"{anchor}{weight}>{escape(words)}</text>'
