"""Everything that makes a listing invalid by itself: GET says why, and a buyer is told before anything is signed."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from backend.catalog import service as catalog
from backend.kit import nudges
from backend.kit.db import locked
from backend.resale import tasks
from backend.tickets import service, status_changes
from backend.tickets.models import Ticket
from backend.tickets.states import TicketStatus
from tests.factories.accounts import signed_in
from tests.resale.conftest import FEE_BPS, PRICE, Fan

COLLECTION, MARKET = "TicketCollection", "ResaleMarket"


@dataclass
class Dead:
    """What the house says of a listing, and when a buyer asks."""

    status: str
    reason: str


def move(stage):
    there = [stage.seller.wallet, stage.promoter.wallet, stage.tickets[0].token_id]
    stage.market.call(COLLECTION, stage.collection.address, "transferFrom", there, stage.seller.wallet)


def use(stage):
    service.mark_used(stage.session, stage.tickets[0].id, stage.market.now())


def dispute(stage):
    ticket = locked(stage.session, Ticket, stage.tickets[0].id)
    status_changes.want(stage.session, ticket, TicketStatus.LOCKED, stage.market.now())


def refund(stage):
    ticket = locked(stage.session, Ticket, stage.tickets[0].id)
    status_changes.want(stage.session, ticket, TicketStatus.VOID, stage.market.now())


def lock_on_chain(stage):
    said = [[stage.tickets[0].token_id], 1]
    operator = stage.market.signers["operator"].address
    stage.market.call(COLLECTION, stage.collection.address, "setStatus", said, operator)


def withdraw_on_chain(stage):
    stage.market.call(MARKET, stage.market.market, "cancelAll", [], stage.seller.wallet)


def pass_days(days):
    def wait(stage):
        stage.market.late += timedelta(days=days)

    return wait


def cancel_event(stage):
    for tier in catalog.lock_tiers(stage.session, [tier.id for tier in stage.sale.tiers]):
        catalog.release(stage.session, tier.id, tier.held)  # an event is cancelled when nobody has a seat any more
    catalog.cancel(stage.session, stage.sale.event.id)


def by_promoter(function, *arguments):
    def call(stage):
        stage.market.call(COLLECTION, stage.collection.address, function, list(arguments), stage.promoter.wallet)

    return call


def new_rules(**change):
    def call(stage):
        found = stage.market.read(COLLECTION, stage.collection.address, "rules")
        by_promoter("setRules", found | change)(stage)

    return call


def raise_royalty(stage):
    by_promoter("setRoyalty", stage.promoter.wallet, 600)(stage)


def misdirect_royalty(stage):
    by_promoter("setRoyalty", stage.market.market, 500)(stage)


def raise_fee(stage):
    stage.market.call(MARKET, stage.market.market, "setFee", [stage.market.admin, FEE_BPS + 1])


def pause_token(stage):
    stage.market.call("BKS", stage.market.bks, "pause", [])


DEATHS = {
    "moved": (move, Dead("INVALID", "moved")),
    "used": (use, Dead("INVALID", "ticket_used")),
    "disputed": (dispute, Dead("INVALID", "ticket_locked")),
    "locked on chain": (lock_on_chain, Dead("INVALID", "ticket_locked")),
    "refunded": (refund, Dead("INVALID", "ticket_void")),
    "withdrawn on chain": (withdraw_on_chain, Dead("CANCELLED", "cancelled_on_chain")),
    "event over": (pass_days(2), Dead("INVALID", "event_over")),
    "expired": (pass_days(31), Dead("EXPIRED", "expired")),
    "event cancelled": (cancel_event, Dead("INVALID", "event_cancelled")),
    "frozen": (new_rules(freezeAt=1), Dead("INVALID", "tickets_frozen")),
    "cap lowered": (new_rules(capBps=5_000), Dead("INVALID", "price_above_cap")),
    "resale off": (new_rules(resale=False), Dead("INVALID", "resale_not_allowed")),
    "held longer": (new_rules(resaleHold=10**9), Dead("INVALID", "resale_held")),
    "resale paused": (by_promoter("setPaused", 4), Dead("INVALID", "resale_paused")),
    "royalty to the market": (misdirect_royalty, Dead("INVALID", "royalty_unpayable")),
    "royalty raised": (raise_royalty, Dead("INVALID", "royalty_raised")),
    "fee raised": (raise_fee, Dead("INVALID", "fee_raised")),
    "token paused": (pause_token, Dead("INVALID", "currency_paused")),
}
HARMLESS = {
    "other rules": new_rules(giftLimit=1, capBps=20_000),
    "sale and mint paused": by_promoter("setPaused", 3),
    "royalty lowered": lambda stage: by_promoter("setRoyalty", stage.promoter.wallet, 100)(stage),
    "fee lowered": lambda stage: stage.market.call(MARKET, stage.market.market, "setFee", [stage.market.admin, 1]),
    "an approval of ERC-721 given and withdrawn": lambda stage: [
        stage.market.call(
            COLLECTION, stage.collection.address, "setApprovalForAll", [stage.market.market, yes], stage.seller.wallet
        )
        for yes in (True, False)
    ],
}


def taken(stage, listing):
    """What a buyer is answered who has signed nothing yet but in, however late it is."""
    buyer = Fan(stage.buyer.key, signed_in(stage.session, stage.buyer.wallet, stage.market.now()))
    return stage.post(buyer, f"/v1/listings/{listing['id']}/buy", max_price=str(PRICE))


@pytest.mark.parametrize("name", DEATHS)
def test_a_listing_that_died_says_why_and_is_not_taken(stage, sent, name):
    kill, dead = DEATHS[name]
    listing = stage.list()
    kill(stage)
    sent()
    stage.finish()
    tasks.read_rules(stage.collection.id)
    assert stage.listing(listing) == (dead.status, dead.reason)
    assert "signature" not in {k for k, v in stage.client.get(f"/v1/listings/{listing['id']}").json().items() if v}
    answer = taken(stage, listing)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_listed")
    assert answer.json()["error"]["details"] == {"status": dead.status, "reason": dead.reason}


@pytest.mark.parametrize("name", DEATHS)
def test_a_buyer_is_told_at_once_before_index_and_worker_have_looked(stage, name):
    kill, dead = DEATHS[name]
    listing = stage.list()
    kill(stage)
    answer = taken(stage, listing)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_listed")
    assert answer.json()["error"]["details"]["reason"] == dead.reason


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_not_concern_a_listing_leaves_it_alone(stage, name):
    listing = stage.list()
    HARMLESS[name](stage)
    stage.finish()
    tasks.read_rules(stage.collection.id)
    assert stage.listing(listing) == ("LISTED", None)
    stage.buy(stage.buyer, listing)
    stage.finish()
    assert stage.listing(listing) == ("SETTLED", None)


@pytest.mark.parametrize("name", ["frozen", "resale paused", "royalty raised", "fee raised", "cap lowered"])
def test_the_index_has_the_rules_read_again_when_they_change(stage, name, monkeypatch):
    kill, dead = DEATHS[name]
    listing, asked = stage.list(), []
    monkeypatch.setattr(nudges, "_send", lambda task, subject: asked.append((task, subject)))
    kill(stage)
    stage.market.follow()
    stage.session.commit()
    assert ("resale.read_rules", str(stage.collection.id)) in asked
    tasks.read_rules(stage.collection.id)
    assert stage.listing(listing) == (dead.status, dead.reason)


def test_what_comes_back_lists_again(stage):
    listing = stage.list()
    by_promoter("setPaused", 4)(stage)
    assert taken(stage, listing).json()["error"]["code"] == "not_listed"
    assert stage.listing(listing) == ("INVALID", "resale_paused")
    by_promoter("setPaused", 0)(stage)
    tasks.sweep_rules()
    assert stage.listing(listing) == ("LISTED", None)
