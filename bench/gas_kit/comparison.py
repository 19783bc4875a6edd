"""Measures everybody, and holds ours against each goal."""

from __future__ import annotations

from collections.abc import Mapping

from bench.figures import Figure
from bench.gas_kit import deploys, economics, operations, peers, reads, resale
from bench.gas_kit.build import Code
from bench.gas_kit.node import Node
from bench.gas_kit.ours import Collection, house
from bench.gas_kit.peers import Tickets
from bench.gas_kit.table import Gas
from scripts.machine import say

_BATCH = 200
_PER_TICKET = 7_500
_OURS = "Backstage"
_HELD = (
    # figure, operation, peer, goal
    ("mint_one_new_ratio", "buy", "Solady", 1.12),
    ("first_transfer_new_ratio", "first_transfer_new", "Solady", 1.45),
    ("first_transfer_existing_ratio", "first_transfer_existing", "Solady", 1.60),
    ("transfer_new_ratio", "transfer_new", "Solady", 1.14),
    ("transfer_existing_ratio", "transfer_existing", "Solady", 1.20),
    ("resale_erc20_ratio", "resale_erc20", "Seaport 1.6", 0.85),
    ("resale_native_ratio", "resale_native", "Seaport 1.6", 0.85),
    ("deploy_ratio", "deploy", "Solady", 0.25),
)
_TOLD = (
    ("mint_one_by_minter_ratio", "mint_one", "Solady"),
    ("resale_erc20_first_ratio", "resale_erc20_first", "Seaport 1.6"),
    ("resale_native_first_ratio", "resale_native_first", "Seaport 1.6"),
    ("approve_first_ratio", "approve_first", "Solady"),
    ("approve_ratio", "approve", "Solady"),
    ("status_first_ratio", "status_first", "Solady"),
    ("status_ratio", "status", "Solady"),
    ("door_first_ratio", "door_first", "Solady"),
    ("burn_ratio", "burn", "Solady"),
)


def measure(node: Node, codes: Mapping[str, Code]) -> Gas:
    """Return the gas of every operation for each contract."""
    ours = house(node)
    gas: dict[str, dict[str, float]] = {_OURS: {}}
    gas |= {title: {} for title in ("Solady", "OpenZeppelin", "ERC721A", "Unlock", "Seaport 1.6")}
    meter = peers.meter(node, codes)
    unlock = peers.unlock(node, codes)
    collections: list[Tickets] = [
        ours.collection(),
        peers.solady(node, codes),
        peers.open_zeppelin(node, codes),
        peers.erc721a(node, codes),
        unlock.deploy()[0],
    ]
    for tickets in collections:
        with say.step(f"{tickets.title}: batches, moves, statuses, questions"), node.undone():
            # Questions before the batches: there they are all that was minted.
            for in_one_run in (True, False):
                with node.undone():
                    gas[tickets.title] |= reads.measure(tickets, meter, in_one_run=in_one_run)
            gas[tickets.title] |= operations.measure(tickets)
    with say.step("bought by a signed quote"):
        offices: list[Collection | peers.SoladyBoxOffice] = [
            ours.collection(),
            peers.solady_box_office(node, codes, ours.quoter),
        ]
        gas[_OURS]["buy"], gas["Solady"]["buy"] = (operations.buy_one(office) for office in offices)
    with say.step("sold on"):
        gas[_OURS] |= resale.ours(ours)
        gas["Seaport 1.6"] |= resale.seaport(ours, codes)
    with say.step("deployed"):
        gas[_OURS] |= deploys.ours(ours)
        gas["Solady"]["deploy"] = deploys.solady(node, codes)
        gas["Unlock"]["deploy"] = deploys.lock(node, codes)
    return gas


def figures(gas: Gas) -> list[Figure]:
    """Return the figures, goals first."""
    ours = gas[_OURS]
    return [
        _batch(gas),
        *(_ratio(gas, figure, operation, peer, goal) for figure, operation, peer, goal in _HELD),
        *(
            Figure(
                f"batch_mint_per_ticket_{count}", ours[f"batch_{count}"], "gas", _batch_of(gas, count), None, met=True
            )
            for count in operations.BATCHES
            if count != _BATCH
        ),
        *(_ratio(gas, figure, operation, peer) for figure, operation, peer in _TOLD),
        *_questions(gas),
        *_break_even(gas),
    ]


def _batch(gas: Gas) -> Figure:
    value = gas[_OURS][f"batch_{_BATCH}"]
    reference = f"{_batch_of(gas, _BATCH)}, {gas['Unlock'][f'batch_{_BATCH}']:,.0f} Unlock"
    return Figure("batch_mint_per_ticket", value, "gas", reference, f"<= {_PER_TICKET:,}", met=value <= _PER_TICKET)


def _batch_of(gas: Gas, count: int) -> str:
    return f"{gas['Solady'][f'batch_{count}']:,.0f} Solady"


def _ratio(gas: Gas, figure: str, operation: str, peer: str, goal: float | None = None) -> Figure:
    ours, theirs = gas[_OURS][operation], gas[peer][operation]
    ratio = ours / theirs
    reference = f"{ours:,.0f} to {theirs:,.0f} {peer}"
    if goal is None:
        return Figure(figure, ratio, "", reference, None, met=True)
    return Figure(figure, ratio, "", reference, f"<= {goal:g}", met=ratio <= goal)


def _questions(gas: Gas) -> list[Figure]:
    names = [name for name in gas[_OURS] if name.startswith(("owner_of_", "balance_of_"))]
    return [
        Figure(f"{name}_gas", gas[_OURS][name], "gas", f"{gas['Solady'][name]:,.0f} Solady", None, met=True)
        for name in names
    ]


def _break_even(gas: Gas) -> list[Figure]:
    more = economics.Difference.between(gas[_OURS], gas["Solady"], _BATCH)
    each, with_door = more.moves(), more.moves_with_the_door()
    told = f"saved {-more.mint:,.0f}, first move {more.first_move:+,.0f}, later move {more.later_move:+,.0f}"
    door = f"and being used {more.door:+,.0f}, moved before {more.door_moved:+,.0f}"
    return [
        Figure("break_even_share", min(1.0, each), "of all tickets may move once", told, None, met=True),
        Figure("break_even_moves", each, "moves of each ticket", told, None, met=True),
        Figure("break_even_moves_with_the_door", with_door, "moves of each ticket", door, None, met=True),
    ]
