"""People who buy by card over HTTP, and do not give up because something just died.

A request whose answer is lost is sent again with the same Idempotency-Key, as any careful client does.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import httpx

from scripts.demo.http import Answer, Api, Refused
from scripts.demo.people import DECLINED_CARD, GOOD_CARD, Admin, Fan, Guest, Show, pay

_PATIENCE_SECONDS = 90.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
_TOO_MANY = 429
_SERVER_ERROR = 500
_MOST_TICKETS = 3
_DECLINED, _ABANDONED, _REFUNDED = 0.08, 0.05, 0.02
_SCARCE_SHARE = 0.15
_GUEST_SHARE = 0.4
Result = TypeVar("Result")


class GaveUp(Exception):
    """The house was away for longer than anybody waits."""


@dataclass(frozen=True)
class Sale:
    """A show and its tiers: `scarce` has fewer seats than people want."""

    show: Show
    plenty: str
    scarce: str


@dataclass(frozen=True)
class Wish:
    """One purchase, as the seed has it."""

    number: int
    sale: int
    is_scarce: bool
    quantity: int
    fan: int | None
    """Which fan; None is a guest without a wallet."""
    is_declined_first: bool
    is_abandoned: bool
    is_refunded: bool

    @classmethod
    def draw(cls, seed: int, number: int, sales: int, fans: int) -> Wish:
        """Draw the purchase of this number: the same for the same seed."""
        dice = random.Random(f"{seed}:purchase:{number}")  # noqa: S311 - seeded on purpose
        return cls(
            number=number,
            sale=dice.randrange(sales),
            is_scarce=dice.random() < _SCARCE_SHARE,
            quantity=dice.randint(1, _MOST_TICKETS),
            fan=None if dice.random() < _GUEST_SHARE else dice.randrange(fans),
            is_declined_first=dice.random() < _DECLINED,
            is_abandoned=dice.random() < _ABANDONED,
            is_refunded=dice.random() < _REFUNDED,
        )


def persist(what: Callable[[], Result], until: float) -> Result:
    """Do it again until the house answers something sensible. Raises Refused (for good) and GaveUp."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return what()
        except (httpx.TransportError, ValueError):
            pass
        except Refused as refused:
            if refused.status < _SERVER_ERROR and refused.status != _TOO_MANY:
                raise
        if time.monotonic() + pause > until:
            raise GaveUp
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


@dataclass
class Crowd:
    """Everybody who buys."""

    seed: int
    api: str
    sales: list[Sale]
    fans: list[Fan]
    admin: Admin

    def buy(self, wish: Wish) -> dict[str, Any]:
        """Make one purchase; return what became of it.

        `order` and `quantity` when there is an order, `outcome`, and `refund`: null, `asked` (nobody knows whether the
        house heard it) or `taken`.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        told: dict[str, Any] = {"number": wish.number, "order": None, "refund": None}
        try:
            told["outcome"] = self._buy(wish, until, told)
        except Refused as refused:
            told["outcome"] = refused.code
        except GaveUp:
            told["outcome"] = "gave_up"
        return told

    def _buy(self, wish: Wish, until: float, told: dict[str, Any]) -> str:
        """Buy; write down in `told` what there is from then on, however it ends."""
        sale = self.sales[wish.sale]
        tier = sale.scarce if wish.is_scarce else sale.plenty
        key = f"campaign-{self.seed}-{wish.number}"
        buyer: Fan | Guest
        if wish.fan is None:
            email = f"guest{wish.number}@example.org"
            buyer = Guest(self.api, email)
            placed = persist(lambda: buyer.order(sale.show, tier, wish.quantity, email, key), until)
            buyer.api = Api(self.api, secret=placed["order_secret"])
        else:
            buyer = self.fans[wish.fan]
            placed = persist(lambda: buyer.order(sale.show, tier, wish.quantity, key=key), until)
        order: Answer = placed["order"]
        told |= {"order": order["order_id"], "quantity": wish.quantity}
        if wish.is_abandoned:
            return "abandoned"
        url = persist(lambda: buyer.checkout(order["order_id"]), until)
        if wish.is_declined_first:
            persist(lambda: pay(url, DECLINED_CARD), until)
            url = persist(lambda: buyer.checkout(order["order_id"]), until)
        shown = persist(lambda: pay(url, GOOD_CARD), until)
        if shown not in {"complete", "session_not_open"}:
            return str(shown)
        if wish.is_refunded:
            told["refund"] = "asked"
            if self._refund(UUID(order["order_id"]), until):
                told["refund"] = "taken"
                return "refunded"
        return "paid" if shown == "complete" else str(shown)

    def _refund(self, order_id: UUID, until: float) -> bool:
        """Have the admin give the money back, as soon as it has arrived; False when it never did."""
        while time.monotonic() < until:
            try:
                persist(
                    lambda: self.admin.api.post(f"/v1/admin/orders/{order_id}/refund", {"reason": "changed"}), until
                )
            except Refused:  # not paid yet
                time.sleep(1.0)
            else:
                return True
        return False
