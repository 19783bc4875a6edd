"""The state machines against their tables: any order of orders, payments, crashes, reorgs and people's decisions.

`--model-examples N` looks longer, with other seeds each time; without it the same few stories are told every time.
"""

from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, create_engine, select

from backend import discovery
from backend.kit import db
from backend.kit.db import unit_of_work
from backend.tickets.models import Batch
from tests.fixtures.database import TEMPLATE
from tests.model.invariants import Invariants
from tests.model.trouble import KINDS
from tests.model.world import BEATS, World, running

_STORIES, _STEPS = 12, 40
_picks = st.integers(0, 50)


class House(RuleBasedStateMachine):
    """The rules. Each is one thing that somebody or something does."""

    engine = None

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        connection: Connection = self.stack.enter_context(self.engine.connect())
        outer = connection.begin()
        self.stack.callback(outer.rollback)
        self.stack.enter_context(db.bound_to(connection))
        self.world: World = self.stack.enter_context(running())
        self.checks = Invariants(self.world)
        self.stack.callback(self.checks.edges.close)
        self.is_broken = False

    # ---- buyers

    @initialize(wallets=st.lists(st.booleans(), min_size=2, max_size=3))
    def begin(self, wallets):
        """A story in which nobody buys is none."""
        for has_wallet in wallets:
            self.order(quantity=2, has_wallet=has_wallet, pays=True)
        self.world.run("payments.sweep_events")

    @rule(quantity=st.integers(1, 3), has_wallet=st.booleans(), pays=st.booleans())
    def order(self, quantity, has_wallet, pays):
        before = len(self.world.orders)
        self.world.order(quantity, has_wallet=has_wallet)
        if pays and len(self.world.orders) > before:
            self.world.pay(self.world.orders[-1])

    @precondition(lambda self: self.world.orders)
    @rule(pick=_picks, act=st.sampled_from(["pay", "pay", "message", "give_up", "refund"]))
    def buyer(self, pick, act):
        getattr(self.world, act)(self.world.orders[pick % len(self.world.orders)])

    # ---- machines

    @rule(rounds=st.integers(1, 3))
    def go_on(self, rounds):
        """Everything works for a while: without it few stories would come far."""
        for _ in range(rounds):
            self.world.wait(5)
            self.world.beat()
            self.world.deliver()
            self.world.chain.mine()
            self.world.follow()

    @rule(
        pick=_picks,
        task=st.sampled_from(BEATS),
        act=st.sampled_from(["beat", "deliver", "tick", "comes", "comes", "doubled", "lost", "follow"]),
    )
    def machine(self, pick, task, act):
        world = self.world
        if act in {"beat", "deliver", "follow"}:
            getattr(world, act)()
        elif act == "tick":
            world.run(task)
        elif world.nudged:
            name, subject = world.nudged.pop(pick % len(world.nudged))
            for _ in range({"comes": 1, "doubled": 2, "lost": 0}[act]):
                world.run(name, subject)

    @rule(kind=st.sampled_from(KINDS), after=st.integers(0, 4), then=st.sampled_from(["beat", "deliver", "follow"]))
    def trouble(self, kind, after, then):
        self.world.trouble.arm(kind, after)
        getattr(self.world, then)()
        self.world.trouble.revive()

    @rule(seconds=st.sampled_from([1, 5, 25, 25, 130, 700]))
    def wait(self, seconds):
        self.world.wait(seconds)

    # ---- the chain

    @rule(
        act=st.sampled_from(
            [
                "mine",
                "mine",
                "mine_three",
                "reorg",
                "reorg_two",
                "undo_what_was_seen",
                "undo_what_was_seen",
                "forget_pool",
                "pause",
                "fees",
                "empty",
                "heal",
                "foreign",
            ]
        )
    )
    def chain(self, act):
        getattr(self, f"_{act}")(self.world)

    @rule(which=st.integers(0, 1), act=st.sampled_from(["rotate", "rotate", "lose"]))
    def keys(self, which, act):
        getattr(self.world, act)(which)

    def _mine(self, world):
        world.chain.mine()

    def _mine_three(self, world):
        world.chain.mine(3)

    def _reorg(self, world, depth=1):
        if len(world.chain._sealed) > depth + 1:
            world.chain.reorg(depth)

    def _undo_what_was_seen(self, world):
        """A reorg counts when something was sent, mined and believed."""
        for _ in range(2):
            world.wait(25)
            world.beat()
            world.deliver()
            self._mine(world)
        self._reorg(world, 2)

    def _reorg_two(self, world):
        self._reorg(world, 2)

    def _forget_pool(self, world):
        world.chain.forget_pool()

    def _pause(self, world):
        world.collection.is_paused = not world.collection.is_paused

    def _fees(self, world):
        world.chain.base_fee = 10**12 if world.chain.base_fee == 10**9 else 10**9

    def _empty(self, world):
        world.chain.set_balance(world.signers["minter"].address, 0)

    def _heal(self, world):
        world.heal()

    def _foreign(self, world):
        world.heal()
        world.foreign()

    # ---- people

    @rule(pick=_picks, act=st.sampled_from(["cancel_batch", "retry_batch"]))
    def admin(self, pick, act):
        if found := self.ids(Batch):
            getattr(self.world, act)(found[pick % len(found)])

    def ids(self, model):
        with unit_of_work() as session:
            return list(session.scalars(select(model.id).order_by(model.id)))

    @invariant()
    def holds(self):
        self.is_broken = True
        self.checks.always()
        self.is_broken = False

    def teardown(self):
        try:
            if not self.is_broken:
                is_quiet = self.world.settle(self.checks.is_quiet)
                assert is_quiet, self.checks.unfinished()
                self.checks.at_rest()
        finally:
            self.stack.close()


@pytest.fixture
def house(cluster, settings_of_batches):
    discovery.load("models", "reactions", "tasks")
    engine = create_engine(db.driver_url(cluster.url("backstage_app", TEMPLATE)))
    yield type("House", (House,), {"engine": engine})
    engine.dispose()


@pytest.fixture
def settings_of_batches(settings):
    settings(batch_size=2, batch_wait_seconds=0, batches_in_flight=3)


def _profile(examples: int | None) -> settings:
    return settings(
        max_examples=examples or _STORIES,
        stateful_step_count=_STEPS,
        derandomize=examples is None,
        # A story as it was found is told at once; to shrink it takes many minutes.
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.timeout(0)
def test_whatever_happens_each_paid_ticket_is_minted_once(house, pytestconfig):
    run_state_machine_as_test(house, settings=_profile(pytestconfig.getoption("model_examples")))
