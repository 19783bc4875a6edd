"""The rules of resale, without a chain."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.resale import rules
from backend.resale.rules import Facts, Ground, Refusal, Sold, Terms
from backend.resale.states import Kind, Status
from backend.tickets.states import TicketStatus
from tests.factories.accounts import NOON

GROUND = Ground(frozenset({TicketStatus.LIVE}), NOON + timedelta(days=1), event_is_cancelled=False)
TERMS = Terms(
    is_of_market=True,
    currency=bytes(20),
    currency_is_paused=False,
    paused=0,
    resale=True,
    freeze_at=0,
    held_until=0,
    cap=100,
    royalty_bps=500,
    royalty_is_payable=True,
    fee_bps=250,
    counter=0,
    buyback_ready_at=0,
)
FACTS = Facts(
    is_signed=True,
    sold=Sold.NO,
    is_withdrawn=False,
    is_cancelled_on_chain=False,
    expires_at=NOON,
    epoch=1,
    held_epoch=1,
    ground=GROUND,
    refused_by=None,
)
AT = int(NOON.timestamp())


@given(st.integers(0, 2**256 - 1), st.integers(0, 1000), st.integers(0, 1000))
def test_seller_royalty_and_fee_are_the_price_to_the_unit(price, royalty_bps, fee_bps):
    divided = rules.shares(price, royalty_bps, fee_bps)
    assert divided.proceeds + divided.royalty + divided.fee == price
    assert divided.royalty * 10_000 <= price * royalty_bps < (divided.royalty + 1) * 10_000
    assert min(divided.proceeds, divided.royalty, divided.fee) >= 0


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"is_of_market": False}, Refusal.NO_MARKET),
        ({"paused": 4}, Refusal.PAUSED),
        ({"paused": 11}, None),
        ({"resale": False}, Refusal.CLOSED),
        ({"freeze_at": AT}, Refusal.FROZEN),
        ({"freeze_at": AT + 1}, None),
        ({"held_until": AT + 1}, Refusal.HELD),
        ({"held_until": AT}, None),
        ({"cap": None}, Refusal.NO_FACE),
        ({"cap": 99}, Refusal.ABOVE_CAP),
        ({"currency_is_paused": True}, Refusal.CURRENCY_PAUSED),
        ({"royalty_is_payable": False}, Refusal.ROYALTY_UNPAYABLE),
        ({"buyback_ready_at": AT + 1}, None),
    ],
)
def test_what_the_collection_would_refuse_is_told_before(change, refusal):
    assert rules.refusal_of_terms(replace(TERMS, **change), Kind.LISTING, 100, NOON) == refusal


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"resale": False}, None),
        ({"royalty_is_payable": False}, None),
        ({"paused": 1}, Refusal.BOX_OFFICE_PAUSED),
        ({"paused": 15}, Refusal.BOX_OFFICE_PAUSED),
        ({"paused": 4}, Refusal.PAUSED),
        ({"paused": 10}, None),
        ({"buyback_ready_at": AT + 1}, Refusal.BOUGHT_BACK),
        ({"buyback_ready_at": AT}, None),
        ({"cap": 99}, Refusal.ABOVE_CAP),
    ],
)
def test_a_buy_back_is_the_box_offices(change, refusal):
    assert rules.refusal_of_terms(replace(TERMS, **change), Kind.TURN, 100, NOON) == refusal


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"statuses": frozenset({TicketStatus.USED, TicketStatus.LIVE})}, Refusal.USED),
        ({"statuses": frozenset({TicketStatus.LOCKED})}, Refusal.LOCKED),
        ({"statuses": frozenset({TicketStatus.VOID, TicketStatus.LOCKED})}, Refusal.VOID),
        ({"statuses": frozenset({TicketStatus.PENDING})}, Refusal.PENDING),
        ({"event_ends_at": NOON}, Refusal.EVENT_OVER),
        ({"event_is_cancelled": True}, Refusal.EVENT_CANCELLED),
    ],
)
def test_what_this_house_knows_against_a_sale(change, refusal):
    assert rules.refusal_of_ground(replace(GROUND, **change), NOON) == refusal


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({}, Status.LISTED, None),
        ({"is_signed": False}, Status.DRAFT, None),
        ({"is_signed": False, "expires_at": NOON - timedelta(seconds=1), "held_epoch": 2}, Status.DRAFT, None),
        ({"is_signed": False, "is_withdrawn": True}, Status.CANCELLED, "withdrawn"),
        ({"is_signed": False, "sold": Sold.SEEN}, Status.SETTLING, None),
        ({"sold": Sold.SEEN, "held_epoch": 2}, Status.SETTLING, None),
        ({"sold": Sold.FINAL, "is_withdrawn": True}, Status.SETTLED, None),
        ({"is_withdrawn": True}, Status.WITHDRAWN, "withdrawn"),
        ({"is_withdrawn": True, "refused_by": "tickets_frozen"}, Status.WITHDRAWN, "withdrawn"),
        ({"is_withdrawn": True, "expires_at": NOON - timedelta(seconds=1)}, Status.CANCELLED, "withdrawn"),
        ({"is_withdrawn": True, "held_epoch": 2}, Status.CANCELLED, "withdrawn"),
        ({"is_cancelled_on_chain": True, "is_withdrawn": True}, Status.CANCELLED, "cancelled_on_chain"),
        ({"expires_at": NOON - timedelta(seconds=1), "held_epoch": 2}, Status.EXPIRED, "expired"),
        ({"held_epoch": 2}, Status.INVALID, "moved"),
        ({"held_epoch": None}, Status.LISTED, None),
        ({"refused_by": "tickets_frozen"}, Status.INVALID, "tickets_frozen"),
        ({"ground": replace(GROUND, event_is_cancelled=True)}, Status.INVALID, "event_cancelled"),
    ],
)
def test_how_an_order_stands_follows_from_facts(change, status, reason):
    assert rules.standing(replace(FACTS, **change), NOON) == (status, reason)


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({}, Kind.LISTING, None),
        ({"royalty_bps": 501}, Kind.LISTING, "royalty_raised"),
        ({"fee_bps": 251}, Kind.LISTING, "fee_raised"),
        ({"fee_bps": 251}, Kind.OFFER, None),
        ({"royalty_bps": 400, "fee_bps": 0}, Kind.LISTING, None),
    ],
)
def test_shares_that_rise_kill_the_listing_that_named_less(change, kind, reason):
    assert rules.refused_by(replace(TERMS, **change), kind, 100, 500, 250, NOON) == reason


def test_every_refusal_has_an_error_of_its_code():
    from backend.resale.errors import OF_REFUSAL

    assert {refusal: kind.code for refusal, kind in OF_REFUSAL.items()} == {r: r.value for r in Refusal}
