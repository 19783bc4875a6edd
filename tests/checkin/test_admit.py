from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

from backend.checkin import admit
from backend.checkin.errors import ChallengeUnknown, ClientNonceReused, InEscrow, NotOnChain
from backend.checkin.models import Entry, Scan
from backend.kit.ids import new_id
from backend.tickets.models import Holding
from tests.factories.accounts import make_key, sign_typed_data
from tests.factories.checkin import COLLECTION, DOORS_OPEN, NoCode, answer, open_challenge

NOW = DOORS_OPEN + timedelta(minutes=10)


def test_the_holder_comes_in_once_and_the_ticket_is_used(session, door):
    scan = answer(session, door, open_challenge(session, door, NOW), door.holder, NOW)
    assert (scan.result, scan.reason) == ("ADMITTED", None)
    assert scan.signer == door.holding.owner
    assert door.ticket.status == "USED"
    assert session.scalars(select(func.count()).select_from(Entry)).one() == 1


def test_a_second_challenge_does_not_let_a_second_person_in(session, door):
    answer(session, door, open_challenge(session, door, NOW), door.holder, NOW)
    again = answer(session, door, open_challenge(session, door, NOW), door.holder, NOW)
    assert (again.result, again.reason) == ("REFUSED", "already_admitted")


def test_the_same_code_again_is_refused_as_used(session, door):
    opened = open_challenge(session, door, NOW)
    answer(session, door, opened, door.holder, NOW)
    assert answer(session, door, opened, door.holder, NOW).reason == "challenge_used"


def test_a_challenge_is_answered_once_whatever_the_answer(session, door):
    opened = open_challenge(session, door, NOW)
    assert answer(session, door, opened, make_key(), NOW).reason == "wrong_holder"
    assert answer(session, door, opened, door.holder, NOW).reason == "challenge_used"


@pytest.mark.parametrize(("who", "reason"), [("former", "former_holder"), ("stranger", "wrong_holder")])
def test_a_signature_of_somebody_else_is_refused_and_says_whose_kind(session, door, who, reason):
    key = door.former if who == "former" else make_key()
    assert answer(session, door, open_challenge(session, door, NOW), key, NOW).reason == reason
    assert door.ticket.status == "LIVE"


def _high_s(signature):
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes([27 if signature[64] == 28 else 28])


@pytest.mark.parametrize(
    "forge",
    [
        lambda s: s[:64],
        lambda s: s + b"\0",
        lambda _: bytes(65),
        lambda s: s[:64] + b"\x1d",
        _high_s,
        lambda _: b"\x01",
    ],
    ids=["short", "long", "zero", "wrong v", "high s", "one byte"],
)
def test_a_forged_signature_is_refused_as_bad(session, door, forge):
    opened = open_challenge(session, door, NOW)
    steward = door.as_steward()
    asked = admit.question(session, steward, opened.id)
    forged = forge(sign_typed_data(door.holder, asked.words))
    found = admit.check(asked, forged, lambda _network: NoCode())
    scan = admit.decide(session, steward, opened.id, found, NOW)
    assert (scan.reason, scan.signer) == ("bad_signature", None)


@pytest.mark.parametrize("part", ["gate", "challenge", "epoch", "tokenId", "eventId", "expiresAt"])
def test_a_signature_over_other_words_opens_nothing(session, door, part):
    opened = open_challenge(session, door, NOW)
    steward = door.as_steward()
    asked = admit.question(session, steward, opened.id)
    other = {"gate": "South", "challenge": "0x" + "11" * 32, "eventId": "0x" + "22" * 32}.get(part, 7)
    wrong = {**asked.words, "message": {**asked.words["message"], part: other}}
    found = admit.check(asked, sign_typed_data(door.holder, wrong), lambda _network: NoCode())
    assert admit.decide(session, steward, opened.id, found, NOW).result == "REFUSED"


def test_a_ticket_that_moved_after_the_challenge_needs_a_new_one(session, door):
    opened = open_challenge(session, door, NOW)
    door.holding.epoch, door.holding.owner = 2, make_key().key[:20]
    session.flush()
    assert answer(session, door, opened, door.holder, NOW).reason == "stale_epoch"


def test_a_move_that_is_not_final_lets_nobody_in(session, door):
    door.holding.final = False
    session.flush()
    assert answer(session, door, open_challenge(session, door, NOW), door.holder, NOW).reason == "not_final"


@pytest.mark.parametrize(("number", "reason"), [(1, "ticket_locked"), (2, "already_admitted"), (3, "ticket_void")])
def test_what_the_chain_says_of_the_ticket_counts(session, door, number, reason):
    door.holding.status = number
    session.flush()
    assert answer(session, door, open_challenge(session, door, NOW), door.holder, NOW).reason == reason


def test_a_code_runs_out(session, door):
    opened = open_challenge(session, door, NOW)
    assert answer(session, door, opened, door.holder, opened.expires_at).reason == "challenge_expired"


@pytest.mark.parametrize(("hours", "reason"), [(-1, "doors_not_open"), (6, "event_over")])
def test_doors_open_and_close_on_time(session, door, hours, reason):
    moment = DOORS_OPEN + timedelta(hours=hours)
    assert answer(session, door, open_challenge(session, door, moment), door.holder, moment).reason == reason


def test_the_same_scan_sent_twice_is_one_row(session, door):
    opened = open_challenge(session, door, NOW)
    first = answer(session, door, opened, door.holder, NOW, "scanner-7-000001")
    again = answer(session, door, opened, door.holder, NOW, "scanner-7-000001")
    assert (first.id, again.result) == (again.id, "ADMITTED")
    assert session.scalars(select(func.count()).select_from(Scan)).one() == 1


def test_a_client_nonce_belongs_to_one_challenge(session, door):
    answer(session, door, open_challenge(session, door, NOW), door.holder, NOW, "scanner-7-000001")
    with pytest.raises(ClientNonceReused):
        answer(session, door, open_challenge(session, door, NOW), door.holder, NOW, "scanner-7-000001")


def test_a_steward_of_another_event_does_not_find_the_challenge(session, door):
    opened = open_challenge(session, door, NOW)
    stranger = admit.Steward(door.steward.id, frozenset({new_id()}), "scanner-7-000001")
    with pytest.raises(ChallengeUnknown):
        admit.question(session, stranger, opened.id)


def test_every_scan_is_a_row_that_nobody_changes(session, door):
    for key in (make_key(), door.former, door.holder, door.holder):
        answer(session, door, open_challenge(session, door, NOW), key, NOW)
    reasons = session.scalars(select(Scan.reason).order_by(Scan.id)).all()
    assert reasons == ["wrong_holder", "former_holder", None, "already_admitted"]
    with pytest.raises(ProgrammingError, match="permission denied"), session.begin_nested():
        session.execute(text("UPDATE scans SET result = 'ADMITTED', reason = NULL"))


def test_a_ticket_in_escrow_or_not_minted_gets_no_challenge(session, door):
    door.holding.owner = COLLECTION
    session.flush()
    with pytest.raises(InEscrow):
        open_challenge(session, door, NOW)
    session.delete(session.get_one(Holding, ("eip155:31337", COLLECTION, 65_536)))
    session.flush()
    with pytest.raises(NotOnChain):
        open_challenge(session, door, NOW)
