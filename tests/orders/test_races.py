"""Real connections, really at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from backend.catalog.errors import SoldOut
from backend.catalog.models import Tier
from backend.kit import clock
from backend.kit.db import unit_of_work
from backend.kit.errors import BusinessError
from backend.orders import tasks
from backend.orders.errors import OverLimit
from backend.orders.models import Order, OrderLine
from backend.orders.place import Buyer, Wish, place
from backend.payments.models import Payment
from tests.factories.accounts import NOON, make_account
from tests.factories.orders import Till, guest, make_order, make_sale

AT_ONCE = 32


def all_at_once(attempts, attempt):
    """Run `attempt(number)` for every number, many at a time; return what each came to."""

    def outcome(number):
        try:
            return attempt(number)
        except BusinessError as refused:
            return type(refused)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(outcome, range(attempts)))


def test_two_hundred_buyers_of_fifty_tickets_make_fifty_orders(fresh_database):
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            sale = make_sale(session, quantities=(50,))
        seen, done = [], threading.Event()

        def watch():
            while not done.is_set():
                with unit_of_work() as session:
                    tier = session.get_one(Tier, sale.tier.id)
                    seen.append((tier.held + tier.paid + tier.free, tier.free))
                done.wait(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()

        def buy(number):
            with unit_of_work() as session:
                wishes = [Wish(sale.tier.id, 1)]
                place(session, guest(f"{number}@example.org"), sale.event.id, wishes, "stripe", f"buyer-{number}", NOON)
            return "placed"

        outcomes = all_at_once(200, buy)
        done.set()
        watcher.join()
        assert outcomes.count("placed") == 50
        assert outcomes.count(SoldOut) == 150
        assert seen
        assert all(whole == 50 and free >= 0 for whole, free in seen)
        with unit_of_work() as session:
            tier = session.get_one(Tier, sale.tier.id)
            assert (tier.held, tier.paid, tier.free) == (50, 0, 0)
            assert session.scalars(select(func.count()).select_from(Order)).one() == 50
            assert session.scalars(select(func.count()).select_from(Payment)).one() == 50


def test_one_account_asking_twenty_times_at_once_gets_its_limit_and_not_more(fresh_database):
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            sale = make_sale(session, limit=4)
            account = make_account(session)

        def buy(number):
            with unit_of_work() as session:
                buyer = Buyer.of(account.id, None, None)
                place(session, buyer, sale.event.id, [Wish(sale.tier.id, 1)], "stripe", f"key-{number:04}", NOON)
            return "placed"

        outcomes = all_at_once(20, buy)
        assert (outcomes.count("placed"), outcomes.count(OverLimit)) == (4, 16)
        with unit_of_work() as session:
            assert session.scalars(select(func.sum(OrderLine.quantity))).one() == 4


def test_one_request_sent_twenty_times_at_once_is_one_order(fresh_database):
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            sale = make_sale(session)

        def buy(_number):
            with unit_of_work() as session:
                wishes = [Wish(sale.tier.id, 2)]
                return place(session, guest(), sale.event.id, wishes, "stripe", "the-same-key", NOON)[0].id

        assert len(set(all_at_once(20, buy))) == 1
        with unit_of_work() as session:
            assert session.get_one(Tier, sale.tier.id).held == 2


def test_orders_over_two_tiers_in_both_directions_do_not_lock_each_other_up(fresh_database):
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            sale = make_sale(session, quantities=(100, 100))

        def buy(number):
            tiers = sale.tiers if number % 2 else sale.tiers[::-1]
            with unit_of_work() as session:
                wishes = [Wish(tier.id, 1) for tier in tiers]
                place(session, guest(f"{number}@example.org"), sale.event.id, wishes, "stripe", f"buyer-{number}", NOON)
            return "placed"

        assert all_at_once(40, buy).count("placed") == 40


def test_many_workers_expiring_one_order_give_its_seats_back_once(fresh_database):
    with Till(), clock.frozen(NOON):
        with unit_of_work() as session:
            sale = make_sale(session)
            order = make_order(session, sale, NOON)
            make_order(session, sale, NOON)
        with clock.frozen(order.expires_at):
            all_at_once(16, lambda _number: tasks.expire(order.id))
        with unit_of_work() as session:
            assert session.get_one(Order, order.id).status == "EXPIRED"
            assert session.get_one(Tier, sale.tier.id).held == 2
