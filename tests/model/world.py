"""The whole path from an order to a final token, without a machine: real tables, our tasks, a chain in memory.

Nothing happens by itself: a rule of the model lets a nudge arrive or get lost, the beat tick, a block be mined.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select

from backend.chain import abi, registry
from backend.chain.fake import FakeChain, FakeSigner
from backend.chain.keyring import Keyring
from backend.chain.port import ChainUnreachable
from backend.kit import clock, jobs, nudges
from backend.kit.db import locked, unit_of_work
from backend.kit.errors import BusinessError, Retryable
from backend.orders import close
from backend.orders.models import Order
from backend.orders.refund import refund
from backend.payments import inbox
from backend.payments import registry as providers
from backend.payments import service as payments
from backend.payments.models import Payment
from backend.payments.port import Incoming, ProviderUnavailable, Seen, Subject
from backend.tickets import cancel, requeue
from tests.factories.accounts import NOON
from tests.factories.orders import Till, make_order, make_sale
from tests.factories.tickets import ADDRESS, ALICE, NETWORK, make_collection
from tests.model.contract import FakeCollection, has_no_code
from tests.model.index import Index
from tests.model.trouble import Killed, Shaky, Trouble

SEATS = 8
BEATS = (
    "chain.sweep",
    "chain.check_signers",
    "tickets.sweep_queue",
    "tickets.sweep",
    "orders.sweep",
    "payments.sweep_events",
    "payments.sweep_payments",
    "payments.sweep_refunds",
    "kit.sweep_reactions",
)
ROLES = ("minter", "operator")
OWNER = FakeSigner("owner")


class World:
    """One event with a few seats, its buyers, and everything that may befall them."""

    def __init__(self) -> None:
        self.now = NOON
        self.trouble = Trouble()
        self.nudged: list[tuple[str, UUID]] = []
        self.signers = {role: FakeSigner(role) for role in ROLES}
        self.minters = (self.signers["minter"], FakeSigner("another minter"))
        self.lost: set[bytes] = set()
        roles = {role: key.address for role, key in self.signers.items()}
        self.collection = FakeCollection(roles=roles | {"owner": OWNER.address})
        self.chain = FakeChain()
        self.chain.put_contract(ADDRESS, self.collection)
        self.chain.put_contract(bytes(20), has_no_code)
        self.index = Index(self.chain)
        self.till = Till()
        self.orders: list[UUID] = []
        with unit_of_work() as session:
            self.sale = make_sale(session, quantities=(SEATS,))
            roles = {role: key.address for role, key in self.signers.items()}
            self.collection_id = make_collection(session, self.sale.event, **roles).id
            self.tier_id = self.sale.tier.id

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # ---- buyers and the house's people

    def order(self, quantity: int, *, has_wallet: bool) -> None:
        """Place an order and open its payment; nothing happens when there are too few seats."""
        try:
            with unit_of_work() as session:
                placed = make_order(session, self.sale, self.now, quantity=quantity)
                placed.recipient = ALICE if has_wallet else None
                payment = session.scalars(select(Payment.id).where(Payment.reference_id == placed.id)).one()
        except BusinessError:
            return
        self.orders.append(placed.id)
        self._try(lambda: payments.begin(payment))

    def pay(self, order_id: UUID) -> None:
        """The buyer pays at the provider, which says so by a message."""
        for reference in self._references(order_id):
            if self.till.sessions[reference][1] is Seen.OPEN:
                self.till.sessions[reference] = (self.till.sessions[reference][0], Seen.PAID)
        self.message(order_id)

    def message(self, order_id: UUID) -> None:
        """The provider's message arrives, for the first time or again."""
        for reference in self._references(order_id):
            incoming = Incoming(f"evt_{reference}", "checkout", Subject.PAYMENT, reference, livemode=False, payload={})
            with unit_of_work() as session:
                inbox.store(session, "stripe", incoming, self.now)

    def _references(self, order_id: UUID) -> list[str]:
        return [ref for ref, (asked, _) in self.till.sessions.items() if asked.reference_id == order_id]

    def give_up(self, order_id: UUID) -> None:
        """The buyer does not want the order any more."""
        with suppress(BusinessError), unit_of_work() as session:
            order = locked(session, Order, order_id)
            assert order is not None
            close.cancel(session, order, self.now)

    def refund(self, order_id: UUID) -> None:
        with suppress(BusinessError), unit_of_work() as session:
            refund(session, order_id, "asked", self.now)

    def cancel_batch(self, batch_id: UUID) -> None:
        with suppress(BusinessError), unit_of_work() as session:
            cancel.ask(session, batch_id, self.now)

    def retry_batch(self, batch_id: UUID) -> None:
        with suppress(BusinessError), unit_of_work() as session:
            cancel.retry(session, batch_id)

    def requeue(self, job_id: UUID) -> None:
        with suppress(BusinessError), unit_of_work() as session:
            requeue.requeue(session, job_id)

    # ---- machines

    def run(self, task: str, *subject: UUID) -> None:
        """Run one task as the worker does: what it raises is its own affair, unless it is a defect."""
        self._try(lambda: jobs.registered[task].run(*subject))

    def beat(self) -> None:
        """Let every sweeper run once."""
        for task in BEATS:
            self.run(task)

    def deliver(self, most: int = 50) -> None:
        """Let messages arrive, those included that they bring about."""
        while self.nudged and most:
            most -= 1
            self.run(*self.nudged.pop(0))

    def follow(self) -> None:
        self._try(self.index.follow)

    def foreign(self) -> None:
        """Somebody uses the minter's key for something of his own, and our bytes are gone from the pools."""
        key = self.minters[0]
        self.chain.forget_pool()
        fees = {"maxFeePerGas": 10**12, "maxPriorityFeePerGas": 10**9, "gas": 50_000}
        call = {"chainId": 31337, "nonce": self.chain.nonce(key.address), "to": b"\x0f" * 20, "value": 0, "data": b""}
        raw = key.sign_transaction({**call, **fees})
        self.chain.send_raw(raw)
        self.chain.sent.remove(raw)

    def rotate(self, to: int) -> None:
        """The promoter gives the minter's role to another key of ours; some block will have it."""
        data = abi.encode_call("TicketCollection", "rotateMinter", [self.minters[to].address])
        fees = {"maxFeePerGas": 10**13, "maxPriorityFeePerGas": 10**9, "gas": 50_000}
        call = {"chainId": 31337, "nonce": self.chain.nonce(OWNER.address), "to": ADDRESS, "value": 0, "data": data}
        raw = OWNER.sign_transaction({**call, **fees})
        with suppress(BusinessError):
            self.chain.send_raw(raw)
        self.chain.sent.remove(raw)

    def lose(self, which: int) -> None:
        """A worker is started without one of the minters, or with it again."""
        self.lost ^= {self.minters[which].address}
        self.serve_keys()

    def serve_keys(self) -> None:
        there = [partial(_same, key) for key in self.minters if key.address not in self.lost]
        registry._keyrings[NETWORK, "minter"] = Keyring("minter", there)

    def heal(self) -> None:
        """End every trouble from outside."""
        self.lost.clear()
        self.serve_keys()
        self.trouble.revive()
        self.collection.is_paused = False
        self.chain.base_fee = 10**9
        for key in (*self.signers.values(), *self.minters):
            self.chain.set_balance(key.address, 10**24)

    def settle(self, is_quiet, rounds: int = 25) -> bool:
        """Let the house work undisturbed until `is_quiet`; False when it never is."""
        self.heal()
        for _ in range(rounds):
            if is_quiet():
                return True
            self.wait(450)
            self.beat()
            self.deliver()
            self.chain.mine(3)
            self.follow()
        return bool(is_quiet())

    def _try(self, work) -> None:
        try:
            work()
        except (Retryable, BusinessError):
            pass  # whatever it left undone, the next turn finds
        except Killed:
            self.trouble.revive()
        if self.trouble.is_dead:  # after its last commit
            self.trouble.revive()


def _same(key: FakeSigner) -> FakeSigner:
    return key


@contextmanager
def running() -> Iterator[World]:
    """Serve the house by a world of the model: its chain, its provider, its clock, its messages."""
    made = World()
    port = Shaky(made.chain, made.trouble, ChainUnreachable)
    sender, swept = nudges._send, jobs.swept

    def send(task: str, subject: str) -> None:
        if made.trouble.nudges_leave():
            made.nudged.append((task, UUID(subject)))

    def run_each(ids, run) -> None:
        for job_id in ids:
            try:
                run(job_id)
            except (Retryable, BusinessError):
                continue

    nudges.use(send)
    jobs.swept = run_each
    try:
        signers = {**made.signers, "minter": made.minters}
        with registry.replaced(NETWORK, port, signers), clock.use(lambda: made.now):
            providers.use("stripe", Shaky(made.till, made.trouble, ProviderUnavailable))
            yield made
    finally:
        providers.use("stripe", None)
        nudges.use(sender)
        jobs.swept = swept
        made.trouble.close()
