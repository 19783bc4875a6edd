from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.checkin import words
from backend.checkin.rules import Asked, Doors, Held, Reason, SignedBy, Standing, refusal
from tests.factories.accounts import NOON

EVENT, OTHER = UUID(int=1), UUID(int=2)
ASKED = Asked(EVENT, b"h" * 20, 3, NOON + timedelta(minutes=2), is_used=False)
HELD = Held(b"h" * 20, 3, is_final=True)
GOOD = Standing(EVENT, frozenset({"LIVE"}), is_inside=False)
DOORS = Doors(NOON - timedelta(hours=1), NOON + timedelta(hours=5), is_cancelled=False)


def test_the_holder_of_a_good_ticket_is_let_in_while_doors_are_open():
    assert refusal(ASKED, HELD, SignedBy.HOLDER, GOOD, DOORS, NOON) is None


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (Reason.CHALLENGE_USED, {"asked": replace(ASKED, is_used=True)}),
        (Reason.CHALLENGE_EXPIRED, {"asked": replace(ASKED, expires_at=NOON)}),
        (Reason.WRONG_EVENT, {"ticket": replace(GOOD, event_id=OTHER)}),
        (Reason.EVENT_CANCELLED, {"doors": replace(DOORS, is_cancelled=True)}),
        (Reason.DOORS_NOT_OPEN, {"doors": replace(DOORS, opens_at=NOON + timedelta(seconds=1))}),
        (Reason.EVENT_OVER, {"doors": replace(DOORS, ends_at=NOON)}),
        (Reason.NOT_FINAL, {"held": None}),
        (Reason.NOT_FINAL, {"held": replace(HELD, is_final=False)}),
        (Reason.STALE_EPOCH, {"held": replace(HELD, epoch=4)}),
        (Reason.STALE_EPOCH, {"held": replace(HELD, owner=b"x" * 20)}),
        (Reason.FORMER_HOLDER, {"signed_by": SignedBy.FORMER}),
        (Reason.WRONG_HOLDER, {"signed_by": SignedBy.STRANGER}),
        (Reason.BAD_SIGNATURE, {"signed_by": SignedBy.NOBODY}),
        (Reason.TICKET_VOID, {"ticket": replace(GOOD, statuses=frozenset({"LIVE", "VOID"}))}),
        (Reason.ALREADY_ADMITTED, {"ticket": replace(GOOD, is_inside=True)}),
        (Reason.ALREADY_ADMITTED, {"ticket": replace(GOOD, statuses=frozenset({"USED", "LIVE"}))}),
        (Reason.TICKET_LOCKED, {"ticket": replace(GOOD, statuses=frozenset({"LOCKED"}))}),
    ],
)
def test_each_broken_rule_has_its_own_reason(reason, change):
    facts = {"asked": ASKED, "held": HELD, "signed_by": SignedBy.HOLDER, "ticket": GOOD, "doors": DOORS, "now": NOON}
    assert refusal(**{**facts, **change}) is reason


@given(
    st.sampled_from([SignedBy.FORMER, SignedBy.STRANGER, SignedBy.NOBODY]), st.sampled_from(["LIVE", "USED", "VOID"])
)
def test_who_is_not_the_holder_learns_nothing_of_the_ticket(signed_by, status):
    ticket = replace(GOOD, statuses=frozenset({status}), is_inside=status == "USED")
    expected = refusal(ASKED, HELD, signed_by, GOOD, DOORS, NOON)
    assert refusal(ASKED, HELD, signed_by, ticket, DOORS, NOON) is expected is not None


def test_every_reason_has_words_a_colour_and_a_sound():
    assert set(words.REFUSED) == set(Reason)
    for reason in Reason:
        signal = words.signal_for(reason)
        assert signal.message.endswith(".")
        assert signal.colour is not words.Colour.GREEN
    assert words.signal_for(None).colour is words.Colour.GREEN
