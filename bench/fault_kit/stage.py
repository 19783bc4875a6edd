"""Before the faults: a promoter, shows with a scarce tier each, and their collections, all through the public API."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.fault_kit.buyers import Sale
from bench.fault_kit.plan import Plan
from scripts.demo.http import Answer
from scripts.demo.node import Node
from scripts.demo.people import Admin, Promoter, Show
from scripts.demo.story import World
from scripts.demo.wallet import Wallet

_PRICES = (49_500, 79_500)
_COLLECTION_SECONDS = 120.0
_MEAN_QUANTITY = 2
_SCARCE_PARTS = 20
"""The scarce tier of a show has this part of the tickets that its buyers want in all; they want three times as many."""


class NotReady(Exception):
    """The house did not come up with something on sale."""


def prepare(world: World, plan: Plan, mine: Callable[[], None]) -> list[Sale]:
    """Put the shows on sale and return them. `mine` lets the chain go on, so that what was deployed becomes final."""
    node = Node(world.rpc)
    admin, promoter = Admin(world.api, node, Wallet(world.admin_key)), Promoter(world.api, node)
    for person in (admin, promoter):
        person.sign_in()
    organisation = admin.onboard(promoter.address, "Night Owl Concerts")
    wanted = plan.purchases * _MEAN_QUANTITY // plan.shows
    tiers = (_tier("Standing", 0, wanted * 8 + 100), _tier("Front row", 1, max(wanted // _SCARCE_PARTS, 4)))
    shows = [promoter.plan(organisation, f"Night {number}", tiers) for number in range(1, plan.shows + 1)]
    for show in shows:
        promoter.consent(show)
    live = [_await_collection(promoter, show, mine) for show in shows]
    for show in live:
        promoter.publish(show)
    return [Sale(show, show.standing, show.balcony) for show in live]


def _tier(name: str, place: int, quantity: int) -> Answer:
    return {"name": name, "price_minor": _PRICES[place], "quantity": quantity, "prices": {}}


def _await_collection(promoter: Promoter, show: Show, mine: Callable[[], None]) -> Show:
    give_up = time.monotonic() + _COLLECTION_SECONDS
    while time.monotonic() < give_up:
        found = promoter.api.get(f"/v1/events/{show.event_id}/collection")
        if found["status"] == "LIVE":
            return Show(show.event_id, found["address"], show.standing, show.balcony)
        if found["status"] in {"MISMATCH", "STUCK"}:
            raise NotReady(f"the collection is {found['status']}")
        mine()
        time.sleep(0.2)
    raise NotReady(f"no collection after {_COLLECTION_SECONDS:.0f} s")
