"""Several batches of one collection under way at once, and what trouble with one of them means for the others."""

from datetime import timedelta

import pytest

from backend.tickets import batches, minted, place
from backend.tickets.numbers import Said
from tests.factories.orders import make_sale
from tests.factories.tickets import jobs_of, make_collection, paid_order

NOBODY: frozenset[bytes] = frozenset()
LIMIT = 3


@pytest.fixture
def crowd(session, now):
    """A live collection for which ten tickets are queued."""
    sale = make_sale(session)
    collection = make_collection(session, sale.event)
    for _ in range(5):
        order = paid_order(session, sale, 2)
        place.place(session, order.id, now)
    return collection


def close(session, collection, now, size=2, limit=LIMIT):
    found = batches.gather(session, collection.id, now, size=size, wait_seconds=60, limit=limit)
    if found is None:
        return None
    return batches.close(session, collection.id, found.job_ids, NOBODY, now, is_full=found.is_full, limit=limit)


def test_full_batches_are_closed_up_to_the_limit_in_the_order_of_their_numbers(session, crowd, now):
    closed = [close(session, crowd, now) for _ in range(LIMIT + 1)]
    assert [batch.number if batch else None for batch in closed] == [1, 2, 3, None]
    minted.land(session, closed[0], b"\1" * 32, now)
    assert close(session, crowd, now).number == 4


def test_part_of_a_batch_waits_until_nothing_is_under_way(session, crowd, now):
    first = close(session, crowd, now, size=6)
    late = now + timedelta(minutes=5)
    assert close(session, crowd, late, size=6) is None
    minted.land(session, first, b"\1" * 32, now)
    assert close(session, crowd, late, size=6).count == 4


@pytest.mark.parametrize("trouble", ["WAITING", "UNKNOWN", "CANCELLING", "STUCK"])
def test_nothing_more_is_closed_behind_trouble(session, crowd, now, trouble):
    close(session, crowd, now).status = trouble
    session.flush()
    assert close(session, crowd, now) is None


def test_whoever_closes_second_decides_anew_whether_there_is_room(session, crowd, now):
    found = batches.gather(session, crowd.id, now, size=2, wait_seconds=60, limit=2)
    assert close(session, crowd, now, limit=2).number == 1
    assert close(session, crowd, now, limit=2).number == 2
    assert batches.close(session, crowd.id, found.job_ids, NOBODY, now, is_full=True, limit=2) is None


def test_a_batch_refused_for_coming_too_early_is_sent_again_when_its_turn_comes(session, crowd, now):
    first, second = close(session, crowd, now), close(session, crowd, now)
    minted.reverted(session, second.id, "BatchOutOfOrder(expected=1, given=2)")
    minted.answered(session, second, Said(0, bytes(32)), now)
    assert (second.status, second.generation) == ("UNKNOWN", 0), "its turn has not come"
    minted.land(session, first, b"\1" * 32, now)
    _end_send(session, second)
    minted.answered(session, second, Said(0, bytes(32)), now)
    assert (second.status, second.generation) == ("CLOSED", 1)


@pytest.mark.parametrize("reason", ["ScopePaused(scope=2)", "MintLimitExceeded", "AllowanceExceeded", "NotMinter"])
def test_a_refusal_that_passes_is_no_end(session, crowd, now, reason):
    batch = close(session, crowd, now)
    minted.reverted(session, batch.id, reason)
    assert batch.status == "UNKNOWN"


def test_a_refusal_that_passes_too_often_is_for_a_person(session, crowd, now):
    batch = close(session, crowd, now)
    batch.generation = 25
    minted.reverted(session, batch.id, "ScopePaused(scope=2)")
    assert batch.status == "STUCK"


def test_a_refusal_that_does_not_pass_is_for_a_person_at_once(session, crowd, now):
    batch = close(session, crowd, now)
    minted.reverted(session, batch.id, "SupplyExceeded")
    assert batch.status == "STUCK"


def test_a_batch_of_a_thousand_lands_and_is_taken_back_as_a_whole(session, now):
    sale = make_sale(session, quantities=(2000,))
    collection = make_collection(session, sale.event)
    order = paid_order(session, sale, 1000)
    place.place(session, order.id, now)
    batch = close(session, collection, now, size=1000)
    minted.land(session, batch, b"\1" * 32, now)
    assert {job.status for job in jobs_of(session, order.id)} == {"MINTED"}
    minted.unmined(session, batch.id)
    assert {job.status for job in jobs_of(session, order.id)} == {"BATCHED"}


def _end_send(session, batch):
    from backend.chain.models import ChainSend

    session.get_one(ChainSend, batch.send_id).status = "REVERTED"
    session.flush()
