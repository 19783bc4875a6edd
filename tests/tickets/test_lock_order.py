"""Real connections that lock the same rows for different reasons, at the same moment: nobody waits in a circle.

Each race is slowed down after every lock, so that it deadlocks every time when the order is not kept
(docs/decisions/0008-lock-order.md).
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.kit import clock
from backend.kit.db import GaveWay, locked, unit_of_work
from backend.kit.errors import BusinessError
from backend.kit.money import Money
from backend.orders import pay
from backend.orders.refund import refund
from backend.payments import refund as payment_refunds
from backend.payments.models import Refund
from backend.payments.port import RefundOutcome, RefundResult
from backend.settings import get_settings
from backend.tickets import batches, claim, claim_codes, consent, final, minted, refunds
from backend.tickets.models import Claim, ClaimCode, Collection, Holding, Ticket
from tests.factories.accounts import NOON
from tests.factories.orders import Till
from tests.factories.tickets import (
    ADDRESS,
    ALICE,
    BOB,
    NETWORK,
    Chain,
    Minting,
    jobs_of,
    make_minting,
    tickets_of,
)

_PAUSE = 0.2
Work = Callable[[Session], object]


@pytest.fixture
def minting(fresh_database: object) -> Iterator[Minting]:
    """Two paid tickets, committed; time stands still."""
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            made = make_minting(session)
            _take_money(session, made)
        yield made


def _take_money(session: Session, made: Minting) -> None:
    payment = pay.latest(session, made.order.id)
    payment.status, made.order.payment_id = "SUCCEEDED", payment.id
    catalog.sell(session, made.sale.tier.id, 2)


@pytest.fixture
def slow_locks() -> Iterator[None]:
    """Every statement that takes locks is followed by a pause in which the others take theirs."""

    def dawdle(_connection, _cursor, statement: str, *_: object) -> None:
        if "FOR NO KEY UPDATE" in statement or "FOR UPDATE" in statement or statement.startswith("UPDATE"):
            time.sleep(_PAUSE)

    event.listen(Engine, "after_cursor_execute", dawdle)
    yield
    event.remove(Engine, "after_cursor_execute", dawdle)


def _race(*works: tuple[float, Work]) -> list[object]:
    """Run each work in a transaction of its own, so many pauses after the start. Return what each came to."""
    barrier = Barrier(len(works))

    def run(after: float, work: Work) -> object:
        barrier.wait(timeout=10)
        time.sleep(after * _PAUSE)
        try:
            with unit_of_work() as session:
                return work(session)
        except BusinessError as refused:
            return refused

    with ThreadPoolExecutor(len(works)) as pool:
        outcomes = list(pool.map(lambda pair: run(*pair), works))
    assert [one for one in outcomes if isinstance(one, GaveWay)] == []
    return outcomes


def _closed(minting: Minting) -> UUID:
    with unit_of_work() as session:
        jobs = jobs_of(session, minting.order.id)
        # Sorted by receiver: the first ticket comes last in the batch.
        jobs[0].recipient = b"\xff" * 20
        session.flush()
        closed = batches.close(session, minting.collection.id, [job.id for job in jobs], frozenset(), NOON)
        assert closed is not None
        return closed.id


def test_a_refund_and_the_index_that_sees_the_mint(minting, slow_locks):
    _closed(minting)
    chain = Chain()
    chain.mint(1, [(ALICE, 1), (b"\xff" * 20, 1)])
    _race(
        (0, lambda session: refund(session, minting.order.id, "asked", NOON)),
        (0, lambda session: final.tokens_settled(session, NETWORK, chain.taken()[2:], NOON)),
    )
    with unit_of_work() as session:
        assert {ticket.status for ticket in tickets_of(session, minting.order.id)} == {"VOID"}
        assert {job.status for job in jobs_of(session, minting.order.id)} == {"FINAL"}


def test_a_refund_and_the_receipt_of_the_mint(minting):
    batch_id = _closed(minting)
    with unit_of_work() as session:
        second = tickets_of(session, minting.order.id)[1].id

    def stand_in_the_way(session: Session) -> None:
        locked(session, Ticket, second)
        time.sleep(3 * _PAUSE)

    _race(
        (0, stand_in_the_way),
        (1, lambda session: refunds.void_tickets(session, minting.order.id, NOON)),
        (1, lambda session: minted.land(session, locked(session, minted.Batch, batch_id), b"\1" * 32, NOON)),
    )
    with unit_of_work() as session:
        assert {ticket.token_id for ticket in tickets_of(session, minting.order.id)} == {1 << 16, (1 << 16) + 1}


def test_a_refund_and_a_batch_that_is_being_closed(minting, slow_locks):
    with unit_of_work() as session:
        jobs = [job.id for job in jobs_of(session, minting.order.id)]

    def close(session: Session) -> None:
        batches.close(session, minting.collection.id, jobs, frozenset({ALICE}), NOON)

    _race((0, close), (1.5, lambda session: refunds.void_tickets(session, minting.order.id, NOON)))
    with unit_of_work() as session:
        assert {job.status for job in jobs_of(session, minting.order.id)} == {"BATCHED"}
        assert {ticket.status for ticket in tickets_of(session, minting.order.id)} == {"VOID"}


def test_a_refund_and_the_provider_s_word_about_another_of_the_same_payment(minting, slow_locks):
    with unit_of_work() as session:
        payment = pay.latest(session, minting.order.id)
        one = Money(1, payment.currency)
        asked: Refund = payment_refunds.request_refund(session, payment.id, one, "a courtesy", NOON)
    answer = RefundResult("re_1", RefundOutcome.SUCCEEDED, one, asked.id)
    _race(
        (0, lambda session: refund(session, minting.order.id, "asked", NOON)),
        (0, lambda session: payment_refunds.apply(session, asked.id, answer, NOON)),
    )


def _escrowed(minting: Minting) -> tuple[UUID, UUID]:
    """Turn the first ticket into an escrowed one with a code; return both ids."""
    with unit_of_work() as session:
        ticket = tickets_of(session, minting.order.id)[0]
        ticket.status, ticket.custody, ticket.token_id = "LIVE", "ESCROW", 1 << 16
        session.add(
            Holding(
                network=NETWORK, collection=ADDRESS, token_id=1 << 16, owner=ADDRESS, tier=1, status=0, epoch=0,
                minted_block=1, updated_block=1, final=True,
            )
        )  # fmt: skip
        session.flush()
        issued = claim_codes.issue(session, ticket, NOON, get_settings())
        return ticket.id, claim_codes.find(session, issued.code, NOON, get_settings()).id


def test_a_claim_s_own_receipt_and_the_index_that_sees_it(minting, slow_locks):
    ticket_id, code_id = _escrowed(minting)
    with unit_of_work() as session:
        made = Claim(
            organisation_id=minting.order.organisation_id, ticket_id=ticket_id, claim_code_id=code_id, recipient=BOB,
            status="SENT", signature=b"", voucher=b"", created_at=NOON,
        )  # fmt: skip
        session.add(made)
        session.flush()
    chain = Chain()
    chain.move(1 << 16, ADDRESS, BOB, 1, kind=3)
    seen = [log for log in chain.taken() if len(log.topics) == 4]
    _race(
        (0.5, lambda session: claim.final(session, made.id)),
        (0, lambda session: final.tokens_settled(session, NETWORK, seen, NOON)),
    )
    with unit_of_work() as session:
        assert session.get_one(Claim, made.id).status == "DONE"


def test_a_claim_and_a_new_code_for_its_ticket(minting, slow_locks):
    ticket_id, code_id = _escrowed(minting)
    message = {"tokenId": 1 << 16, "recipient": "0x" + BOB.hex(), "epoch": 0, "deadline": 1, "nonce": "0x" + "00" * 32}
    prepared = claim.Prepared(code_id, NETWORK, ADDRESS, BOB, message)
    signature = b"\1" * 65

    def issue(session: Session) -> None:
        claim_codes.issue(session, session.get_one(Ticket, ticket_id), NOON, get_settings())

    _race((0, issue), (0, lambda session: claim.claim(session, prepared, signature, signature, NOON)))
    with unit_of_work() as session:
        assert session.get_one(ClaimCode, code_id).used_at == NOON


def test_a_consent_and_a_collection_that_turns_out_to_be_live(minting, slow_locks):
    with unit_of_work() as session:
        session.get_one(Collection, minting.collection.id).status = "STUCK"
    deadline = NOON + timedelta(hours=1)
    message = {
        "maxSupply": 50, "version": 1, "eventRef": "0x" + uuid4().hex * 2, "deadline": int(deadline.timestamp()),
        "minter": "0x" + "a1" * 20, "operator": "0x" + "a2" * 20,
    }  # fmt: skip
    asked = consent.Words(NETWORK, ADDRESS, BOB, message, {"1.json": "{}"})

    def verified(session: Session) -> None:
        locked(session, Collection, minting.collection.id)
        catalog.mark_ready(session, minting.sale.event.id, NOON)

    _race(
        (0, verified),
        (0, lambda session: consent.accept(session, minting.sale.event, asked, b"\1" * 65, ADDRESS, NOON)),
    )
    with unit_of_work() as session:
        assert session.get_one(Collection, minting.collection.id).status == "CONSENTED"


def test_control_two_transactions_that_wait_for_each_other_end_as_gave_way(minting):
    with unit_of_work() as session:
        first, second = (ticket.id for ticket in tickets_of(session, minting.order.id))
    barrier = Barrier(2)

    def cross(one: UUID, other: UUID) -> str:
        try:
            with unit_of_work() as session:
                locked(session, Ticket, one)
                barrier.wait(timeout=10)
                locked(session, Ticket, other)
        except GaveWay as gave_way:
            return gave_way.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(cross, (first, second), (second, first))) == ["done", "gave_way"]
