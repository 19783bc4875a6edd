"""Real connections at the same moment in one line: numbers without gaps, no place given twice.

Each transaction waits before its commit, so that the others have looked by then; and each race is run once more without
the tier's lock: the control shows that it would tell.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.catalog.models import Tier
from backend.kit import clock
from backend.kit.db import unit_of_work
from backend.kit.errors import BusinessError
from backend.resale import line, rules, sell_back
from backend.resale.errors import AlreadyInLine
from backend.resale.models import LinePlace, MarketOrder
from backend.resale.signing import Person
from backend.resale.subject import Subject
from backend.tickets.service import TokenHolding
from backend.tickets.states import TicketStatus
from tests.factories.accounts import NOON, make_account
from tests.factories.orders import Till
from tests.factories.tickets import ADDRESS, ALICE, NETWORK, Minting, make_minting, tickets_of

TERMS = rules.Terms(
    is_of_market=True,
    currency=bytes(20),
    currency_is_paused=False,
    paused=0,
    resale=True,
    freeze_at=0,
    held_until=0,
    cap=100,
    royalty_bps=0,
    royalty_is_payable=True,
    fee_bps=0,
    counter=0,
    buyback_ready_at=0,
)
GROUND = rules.Ground(frozenset({TicketStatus.LIVE}), NOON + timedelta(days=1), event_is_cancelled=False)
PAUSE = 0.5
Work = Callable[[Session], object]


@pytest.fixture
def minting(fresh_database: object) -> Iterator[Minting]:
    """Two tickets of a tier that is sold out, committed; time stands still."""
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            made = make_minting(session)
            catalog.hold(session, made.sale.tier.id, made.sale.tier.free, NOON)
        yield made


@pytest.fixture(params=["locked", "control"])
def is_locked(request, monkeypatch) -> bool:
    """With the tier's lock, or without it."""
    if request.param == "control":
        monkeypatch.setattr(
            catalog, "lock_tiers", lambda session, ids: list(session.scalars(select(Tier).where(Tier.id.in_(ids))))
        )
    return request.param == "locked"


def race(*works: Work) -> list[object]:
    """Run each work in a transaction of its own at the same moment; return what each came to."""
    barrier = Barrier(len(works))

    def run(work: Work) -> object:
        barrier.wait(timeout=10)
        try:
            with unit_of_work() as session:
                outcome = work(session)
                time.sleep(PAUSE)
                return outcome
        except (BusinessError, IntegrityError) as refused:
            return refused

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def person() -> Person:
    with unit_of_work() as session:
        account = make_account(session)
        return Person(account.id, bytes([len(str(account.id))]) + account.id.bytes + b"\1\2\3")


def numbers() -> list[int]:
    with unit_of_work() as session:
        return sorted(session.scalars(select(LinePlace.number)))


def test_many_who_join_at_once_stand_one_behind_the_other(minting, is_locked):
    people = [person() for _ in range(5)]
    outcomes = race(
        *[lambda session, who=who: line.join(session, minting.sale.tier.id, who, 1, NOON).number for who in people]
    )
    if is_locked:
        assert sorted(outcomes) == numbers() == list(range(1, 6))
    else:
        # Without the lock they count the same number: the table itself refuses.
        assert any(isinstance(one, IntegrityError) for one in outcomes)
        assert len(numbers()) < len(people)


def test_one_person_that_joins_twice_at_once_stands_there_once(minting, is_locked):
    who = person()
    outcomes = race(*[lambda session: line.join(session, minting.sale.tier.id, who, 1, NOON).number] * 2)
    assert numbers() == [1]
    refused = next(one for one in outcomes if one != 1)
    assert isinstance(refused, AlreadyInLine if is_locked else IntegrityError)


def test_two_sellers_and_one_place_give_one_turn(minting, is_locked):
    wanted = person()
    with unit_of_work() as session:
        line.put(session, minting.sale.tier.id, wanted.wallet, NOON)
        tickets = [ticket.id for ticket in tickets_of(session, minting.order.id)]
    sellers = [person(), person()]

    def sells(ticket_id: UUID, seller: Person, index: int) -> Work:
        holding = TokenHolding(NETWORK, ADDRESS, 65536 + index, ALICE, 1, TicketStatus.LIVE, 0, is_final=True)
        event = minting.sale.event
        asked = Subject(ticket_id, event.id, event.organisation_id, minting.sale.tier.id, holding, b"\x77" * 20, GROUND)
        return lambda session: sell_back.give_turn(session, seller, asked, TERMS, 100, None, NOON) is not None

    pairs = enumerate(zip(tickets, sellers, strict=True))
    outcomes = race(*[sells(ticket, seller, index) for index, (ticket, seller) in pairs])
    with unit_of_work() as session:
        turns = session.scalars(select(MarketOrder.next_wallet)).all()
    if is_locked:
        assert sorted(outcomes) == [False, True] and turns == [wanted.wallet]
    else:
        assert outcomes == [True, True] and turns == [wanted.wallet] * 2


def test_two_sellers_invite_one_person_only(minting, is_locked):
    for who in (person(), person()):
        with unit_of_work() as session:
            line.join(session, minting.sale.tier.id, who, 1, NOON)

    def asks(session: Session) -> object:
        line.lock(session, minting.sale.tier.id)
        return line.invite(session, minting.sale.tier.id, NOON)

    assert len(set(race(asks, asks))) == 1
    with unit_of_work() as session:
        invited = select(LinePlace.number).where(LinePlace.invited_until.is_not(None))
        assert session.scalars(invited).all() == [1]
