"""A cardholder's dispute: locked, restored or void, in any order of messages and however often."""

from itertools import permutations

import pytest
from sqlalchemy import func, select

from backend.kit.money import Money
from backend.ledger.models import LedgerEntry
from backend.ledger.service import balance
from backend.orders import reactions as order_reactions  # noqa: F401 - part of what happens
from backend.orders import service
from backend.orders.errors import OrderDisputed
from backend.orders.models import Order
from backend.payments import settle
from backend.payments.errors import PaymentDisputed
from backend.payments.models import Dispute, Payment, ProviderEvent, Refund
from backend.payments.port import DisputeSeen, ProviderDispute, Seen, Subject
from backend.payments.refund import carry_out
from backend.payments.service import begin, request_refund
from backend.resale import reactions as resale_reactions  # noqa: F401 - as above
from backend.tickets import batches, disputes, final, holdings, place, reactions  # noqa: F401 - as above
from tests.factories.orders import make_order, make_sale
from tests.factories.payments import incoming, make_event
from tests.factories.tickets import ALICE, BOB, NETWORK, Chain, jobs_of, make_collection, tickets_of

S = DisputeSeen


class Case:
    """A card order of two tickets, minted, and what the bank does about it."""

    def __init__(self, session, till, now) -> None:
        self.session, self.till, self.now = session, till, now
        self.sale = make_sale(session)
        self.collection = make_collection(session, self.sale.event)
        self.order = make_order(session, self.sale, now)
        self.order.recipient = ALICE
        self.payment = session.scalars(select(Payment).where(Payment.reference_id == self.order.id)).one()
        begin(self.payment.id)
        session.refresh(self.payment)
        self.chain = Chain()

    def pay(self):
        self.till.mark(self.payment.id, Seen.PAID)
        self.tell(self.payment.provider_ref, Subject.PAYMENT, "checkout.session.completed")

    def mint(self):
        jobs = [job.id for job in jobs_of(self.session, self.order.id)]
        batches.close(self.session, self.collection.id, jobs, frozenset(), self.now)
        self.tokens = self.chain.mint(1, [(ALICE, 1), (ALICE, 1)])
        self.index()

    def index(self):
        logs = self.chain.taken()
        holdings.apply(self.session, NETWORK, logs)
        seen = [log for log in logs if len(log.topics) == 4 or (len(log.topics) == 2 and len(log.data) == 32)]
        final.tokens_settled(self.session, NETWORK, [log for log in seen if log.topics[0] in _SETTLED], self.now)
        self.session.flush()

    def tell(self, reference, subject, kind):
        event = make_event(self.session, self.now, incoming(reference, subject=subject, kind=kind), "stripe")
        settle.settle_event(event.id)
        self.session.expire_all()
        return self.session.get_one(ProviderEvent, event.id)

    def bank(self, status, *, amount=None, reference="dp_1"):
        said = amount or self.payment.amount
        self.till.disputes[reference] = ProviderDispute(reference, status, said, self.payment.id, "fraudulent")

    def disputed(self, status, kind="charge.dispute.updated", **more):
        self.bank(status, **more)
        return self.tell(more.get("reference", "dp_1"), Subject.DISPUTE, kind)

    @property
    def tickets(self):
        return [ticket.status for ticket in tickets_of(self.session, self.order.id)]

    def books(self):
        accounts = ("provider:stripe:receivable", "organisation:revenue", "platform:fee", "platform:chargebacks")
        organisation = self.sale.event.organisation_id
        return tuple(balance(self.session, organisation, account, "SEK").amount for account in accounts)


from backend.chain import abi  # noqa: E402

_SETTLED = {abi.topic("TicketCollection", name) for name in ("Transfer", "StatusChanged")}
EARNED = (99_800, -94_810, -4_990, 0)


@pytest.fixture
def case(session, till, now):
    made = Case(session, till, now)
    made.pay()
    made.mint()
    assert (made.order.status, made.tickets) == ("FULFILLED", ["LIVE", "LIVE"])
    return made


def test_a_dispute_locks_and_a_won_one_restores(session, case):
    assert case.disputed(S.OPEN, "charge.dispute.created").status == "SETTLED"
    assert (case.order.status, case.tickets, case.books()) == ("DISPUTED", ["LOCKED"] * 2, EARNED)
    case.disputed(S.WON, "charge.dispute.closed")
    assert (case.order.status, case.order.former_status, case.tickets) == ("FULFILLED", None, ["LIVE"] * 2)
    assert case.books() == EARNED


def test_a_lost_one_voids_and_takes_the_money_from_who_earned_it(session, case):
    case.disputed(S.OPEN)
    case.disputed(S.LOST)
    assert (case.order.status, case.tickets, case.books()) == ("DISPUTE_LOST", ["VOID"] * 2, (0, 0, 0, 0))


@pytest.mark.parametrize("end", [S.WON, S.LOST])
@pytest.mark.parametrize("order_of", sorted(set(permutations(["created", "updated", "closed", "paid"]))))
def test_messages_in_any_order_and_ten_times_end_in_the_same_place(session, till, now, end, order_of):
    made = Case(session, till, now)
    till.mark(made.payment.id, Seen.PAID)
    made.bank(end)
    for _ in range(3):
        for word in order_of:
            if word == "paid":
                made.tell(made.payment.provider_ref, Subject.PAYMENT, "checkout.session.completed")
            else:
                assert made.tell("dp_1", Subject.DISPUTE, f"charge.dispute.{word}").status == "SETTLED"
    expected = {S.WON: ("PAID", ["PENDING"] * 2, EARNED), S.LOST: ("DISPUTE_LOST", ["VOID"] * 2, (0, 0, 0, 0))}
    assert (made.order.status, made.tickets, made.books()) == expected[end]
    assert session.scalars(select(Dispute.status)).all() == [end.value]


def test_an_older_answer_never_undoes_a_newer(session, case):
    case.disputed(S.LOST)
    case.disputed(S.OPEN)
    assert (case.order.status, case.tickets) == ("DISPUTE_LOST", ["VOID"] * 2)
    event = case.disputed(S.WON)
    assert (event.status, event.problem) == ("STUCK", "ended_otherwise_before"), "an appeal is for a person"
    assert case.tickets == ["VOID"] * 2


def test_while_disputed_or_lost_nothing_is_refunded(session, case, now):
    case.disputed(S.OPEN)
    for _ in range(2):
        with pytest.raises(OrderDisputed):
            service.refund(session, case.order.id, "asked", now)
        with pytest.raises(PaymentDisputed):
            request_refund(session, case.payment.id, Money(1, "SEK"), "a_courtesy", now)
        case.disputed(S.LOST)
    assert session.scalars(select(Refund)).all() == [] and case.till.refunds == {}


def test_a_refund_asked_for_before_the_dispute_gives_way_to_it(session, case, now):
    service.refund(session, case.order.id, "asked", now)
    asked = session.scalars(select(Refund)).one()
    case.disputed(S.OPEN)
    carry_out(asked.id)
    session.expire_all()
    assert (asked.status, asked.problem, case.till.refunds) == ("FAILED", "payment_disputed", {})
    assert case.order.status == "STUCK"


def test_a_refunded_order_that_is_disputed_too_costs_the_platform_and_says_so(session, case, now):
    service.refund(session, case.order.id, "asked", now)
    carry_out(session.scalars(select(Refund)).one().id)
    session.expire_all()
    assert case.order.status == "REFUNDED"
    case.disputed(S.LOST)
    assert (case.order.status, case.books()) == ("REFUNDED", (-99_800, 0, 0, 99_800))


def test_what_was_sold_in_good_faith_stays_its_buyers_whoever_wins(session, case):
    case.chain.block().move(case.tokens[0], ALICE, BOB, 1, kind=1)
    case.index()
    case.disputed(S.OPEN)
    assert sorted(case.tickets) == ["LIVE", "LOCKED"]
    case.disputed(S.LOST)
    assert sorted(case.tickets) == ["LIVE", "VOID"]


def test_what_was_sold_before_the_lock_was_on_chain_is_unlocked(session, case, now):
    case.disputed(S.OPEN)
    case.chain.block().move(case.tokens[0], ALICE, BOB, 1, kind=1)
    case.index()
    assert disputes.sold_while_locked(session) == [case.order.id]
    disputes.release_sold(session, case.order.id, now)
    assert sorted(case.tickets) == ["LIVE", "LOCKED"]
    assert disputes.sold_while_locked(session) == []


def test_what_was_given_away_is_locked_and_void_with_the_rest(session, case):
    case.chain.block().move(case.tokens[0], ALICE, BOB, 1, kind=0)
    case.index()
    case.disputed(S.OPEN)
    case.disputed(S.LOST)
    assert case.tickets == ["VOID"] * 2


def test_a_used_ticket_is_used_whoever_wins(session, case, now):
    from backend.tickets import service as tickets

    tickets.mark_used(session, tickets_of(session, case.order.id)[0].id, now)
    case.disputed(S.OPEN)
    case.disputed(S.LOST)
    assert sorted(case.tickets) == ["USED", "VOID"]


def test_two_disputes_of_one_payment_and_one_is_won(session, case):
    half = Money(49_900, "SEK")
    case.disputed(S.OPEN, amount=half, reference="dp_1")
    case.disputed(S.OPEN, amount=half, reference="dp_2")
    case.disputed(S.WON, amount=half, reference="dp_1")
    assert (case.order.status, case.tickets) == ("DISPUTED", ["LOCKED"] * 2)
    case.disputed(S.LOST, amount=half, reference="dp_2")
    assert (case.order.status, case.books()) == ("STUCK", (49_900, -94_810, -4_990, 49_900))


def test_a_dispute_of_nobodys_payment_is_for_a_person(session, case):
    case.till.disputes["dp_9"] = ProviderDispute("dp_9", S.OPEN, case.payment.amount, None, "fraudulent")
    event = case.tell("dp_9", Subject.DISPUTE, "charge.dispute.created")
    assert (event.status, event.problem) == ("STUCK", "unknown_reference")
    assert case.order.status == "FULFILLED"


def test_tickets_that_become_final_during_a_dispute_fulfil_the_order_when_it_is_won(session, till, now):
    made = Case(session, till, now)
    made.pay()
    made.disputed(S.OPEN)
    made.mint()
    assert (made.order.status, made.tickets) == ("DISPUTED", ["LOCKED"] * 2)
    made.disputed(S.WON)
    assert (made.order.status, made.tickets) == ("FULFILLED", ["LIVE"] * 2)


def test_the_books_sum_to_zero_and_only_this_order_changed(session, case, now):
    other = make_order(session, case.sale, now)
    case.disputed(S.LOST)
    assert session.scalar(select(func.sum(LedgerEntry.amount))) == 0
    assert session.get_one(Order, other.id).status == "AWAITING_PAYMENT"
