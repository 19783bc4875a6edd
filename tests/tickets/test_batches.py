from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from eth_utils.crypto import keccak
from sqlalchemy import select

from backend.chain.models import ChainSend
from backend.kit.db import unit_of_work
from backend.tickets import batches, minted, place
from backend.tickets.models import Batch, MintJob
from backend.tickets.rules import decode_entries
from tests.factories.orders import make_sale
from tests.factories.tickets import ADDRESS, ALICE, BOB, jobs_of, make_collection, make_minting, paid_order, tickets_of

NOBODY: frozenset[bytes] = frozenset()


def close(session, minting, now, refused=NOBODY):
    jobs = [job.id for job in jobs_of(session, minting.order.id)]
    return batches.close(session, minting.collection.id, jobs, refused, now)


def test_a_closed_batch_has_its_contents_order_hash_and_one_sending(session, now):
    minting = make_minting(session, quantity=3)
    batch = close(session, minting, now)
    assert (batch.number, batch.status, batch.count) == (1, "CLOSED", 3)
    assert batch.contents_hash == keccak(batch.entries)
    assert [entry.owner for entry in decode_entries(batch.entries)] == [ALICE] * 3
    assert [(job.status, job.batch_index) for job in jobs_of(session, minting.order.id)] == [
        ("BATCHED", n) for n in range(3)
    ]
    send = session.scalars(select(ChainSend).where(ChainSend.subject_id == batch.id)).one()
    assert (send.purpose, send.signer_role, send.to_address) == ("mint_batch", "minter", ADDRESS)


def test_entries_are_sorted_by_owner_and_escrow_belongs_to_the_collection(session, now):
    minting = make_minting(session, quantity=1, recipient=BOB)
    for recipient in (None, ALICE):
        order = paid_order(session, minting.sale, 1, recipient)
        place.place(session, order.id, now)
    jobs = list(session.scalars(select(MintJob.id)))
    batch = batches.close(session, minting.collection.id, jobs, NOBODY, now)
    assert [entry.owner for entry in decode_entries(batch.entries)] == sorted([ALICE, BOB, ADDRESS])


def test_a_contract_that_may_not_hold_tickets_gets_them_through_escrow(session, now):
    minting = make_minting(session, quantity=1)
    batch = close(session, minting, now, refused=frozenset({ALICE}))
    assert decode_entries(batch.entries)[0].owner == ADDRESS
    assert jobs_of(session, minting.order.id)[0].escrow_reason == "contract_receiver"
    assert tickets_of(session, minting.order.id)[0].custody == "ESCROW"


def test_the_next_batch_waits_until_the_one_before_has_landed(session, now):
    minting = make_minting(session)
    batch = close(session, minting, now)
    later = paid_order(session, minting.sale)
    place.place(session, later.id, now)
    more = [job.id for job in jobs_of(session, later.id)]
    late = now + timedelta(minutes=1)
    assert batches.gather(session, minting.collection.id, late, size=10, wait_seconds=1) is None
    assert batches.close(session, minting.collection.id, more, NOBODY, late) is None
    minted.land(session, batch, b"\1" * 32, late)
    assert batches.close(session, minting.collection.id, more, NOBODY, late).number == 2


@pytest.mark.parametrize(
    ("size", "waited", "gathers"), [(2, 0, True), (3, 0, False), (3, 0.9, False), (3, 1.1, True), (1, 0, True)]
)
def test_a_batch_closes_when_it_is_full_or_has_waited(session, now, size, waited, gathers):
    minting = make_minting(session, quantity=2)
    found = batches.gather(session, minting.collection.id, now + timedelta(seconds=waited), size=size, wait_seconds=1)
    assert (found is not None) is gathers
    if found is not None:
        assert len(found.job_ids) == min(size, 2)
        assert found.recipients == {ALICE}


def test_nothing_gathers_for_a_collection_that_is_not_live(session, now):
    minting = make_minting(session)
    minting.collection.status = "MISMATCH"
    session.flush()
    assert batches.gather(session, minting.collection.id, now + timedelta(hours=1), size=1, wait_seconds=0) is None


def _committed(quantity: int) -> tuple[UUID, list[UUID]]:
    with unit_of_work() as session:
        minting = make_minting(session, quantity=quantity)
        return minting.collection.id, [job.id for job in jobs_of(session, minting.order.id)]


def test_two_workers_that_close_at_once_put_no_job_into_two_batches(fresh_database, now):
    collection_id, jobs = _committed(quantity=8)
    start = Barrier(2)

    def work(_worker: int) -> UUID | None:
        start.wait()
        with unit_of_work() as session:
            batch = batches.close(session, collection_id, jobs, NOBODY, now)
            return batch.id if batch else None

    with ThreadPoolExecutor(2) as pool:
        closed = list(pool.map(work, range(2)))
    assert sorted(made is None for made in closed) == [False, True]
    with unit_of_work() as session:
        assert session.scalars(select(Batch.number)).all() == [1]
        assert {job.batch_id for job in session.scalars(select(MintJob))} == {made for made in closed if made}


def test_workers_at_two_collections_close_at_once_with_disjoint_jobs(fresh_database, now):
    with unit_of_work() as session:
        made = [make_minting(session, 4), make_minting(session, 4, address=b"\x77" * 20)]
        work = [(one.collection.id, [job.id for job in jobs_of(session, one.order.id)]) for one in made]
    start = Barrier(4)

    def close_one(part: tuple[UUID, list[UUID]]) -> None:
        start.wait()
        with unit_of_work() as session:
            batches.close(session, part[0], part[1], NOBODY, now)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(close_one, work * 2))
    with unit_of_work() as session:
        rows = session.scalars(select(MintJob)).all()
        assert len(rows) == len({(row.batch_id, row.batch_index) for row in rows}) == 8
        assert session.scalars(select(Batch.count)).all() == [4, 4]


def test_a_sale_without_a_live_collection_has_nothing_to_sweep(session, now):
    sale = make_sale(session)
    make_collection(session, sale.event)
    assert batches.collections_with_queue(session) == []
