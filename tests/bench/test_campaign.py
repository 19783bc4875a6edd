"""The campaign's loop, without a house: what must happen at least, and what cannot happen now and is tried again."""

from dataclasses import replace

import pytest

from bench.fault_kit import launch, mischief
from bench.fault_kit import plan as plans
from bench.fault_kit.campaign import Campaign
from bench.fault_kit.tally import Tally, are_met, goals
from bench.fault_kit.variants import VARIANTS
from bench.programs import faults
from scripts.machine.trouble import Trouble
from tests.bench.line import Line

PLAN = plans.whole(1)


class House:
    """A node of which the test says how many blocks it can undo."""

    revived_at_block = 0

    def __init__(self):
        self.blocks, self.undone, self.flushed = 0, [], 0

    def head(self):
        return self.blocks

    def reorg(self, depth):
        if depth >= self.blocks:
            raise Trouble("too deep")
        self.undone.append(depth)

    def flush_redis(self):
        self.flushed += 1


class Control:
    def __init__(self):
        self.said = []

    def say(self, to, **words):
        self.said.append((to, words))


@pytest.fixture
def done():
    """Everything that the whole plan asks for, exactly so often."""
    tally = Tally(flushes=5, most_copies=20)
    tally.kills["worker"] = 300
    tally.troubles.update(dict.fromkeys(mischief.names(), 5))
    tally.reorgs.update({1: 9, PLAN.deepest_reorg: 1})
    tally.counts.update(nudges_duplicated=100, redelivered=5)
    return tally


def test_a_campaign_that_did_all_it_should_may_end(done):
    assert are_met(PLAN, done)


@pytest.mark.parametrize("kind", mischief.names())
def test_every_kind_of_trouble_must_have_happened_often_enough(done, kind):
    done.troubles[kind] -= 1
    assert [goal.name for goal in goals(PLAN, done) if not goal.is_met] == ["troubles"]


def test_each_of_the_other_things_must_have_happened_often_enough(done):
    done.reorgs[PLAN.deepest_reorg] -= 1
    assert [goal.name for goal in goals(PLAN, done) if not goal.is_met] == ["reorgs", "deepest_reorgs"]
    done.counts.update(nudges_duplicated=-1, redelivered=-1)
    done.flushes, done.most_copies, done.kills["worker"] = 4, 19, 299
    missed = {goal.name for goal in goals(PLAN, done) if not goal.is_met}
    assert missed == {goal.name for goal in goals(PLAN, done)} - {"troubles"}


def test_every_plan_asks_for_no_more_than_it_does():
    for plan in (PLAN, plans.short(1), plans.broken(1, "x", (), ("dropped",))):
        assert plan.least_reorgs <= plan.reorgs and plan.least_flushes <= plan.flushes
        assert plan.least_troubles <= plan.troubles


def test_a_reorg_that_cannot_be_done_holds_up_nothing_and_is_done_later():
    house, control = House(), Control()
    campaign = Campaign(PLAN, house, control)
    campaign._extras = [(0.0, "reorg", 10), (0.0, "flush", 0), (0.0, "dropped", 0)]
    for _ in range(3):
        campaign._trouble()
    assert (house.flushed, control.said) == (1, [("proxy", {"arm": "dropped"})])
    assert campaign._extras == [(0.0, "reorg", 10)]
    house.blocks = 11
    campaign._trouble()
    assert house.undone == [10] and campaign._extras == []


def test_only_what_the_broker_takes_back_after_its_patience_counts_as_redelivered(monkeypatch):
    from kombu.transport import redis

    class Channel:
        pass

    def restore_visible(channel):
        redis.Channel._do_restore_message(channel, "late")

    monkeypatch.setattr(redis.QoS, "restore_visible", restore_visible)
    monkeypatch.setattr(redis.Channel, "_do_restore_message", lambda _channel, _what: None)
    line = Line()
    launch._count_redelivered(line)
    redis.Channel._do_restore_message(Channel(), "of a connection that closed")
    assert line.said == []
    redis.QoS.restore_visible(Channel())
    assert line.said == [{"count": "redelivered", "by": 1}]


def test_a_variant_is_found_only_by_the_finding_of_its_mistake_and_its_control_must_pass():
    variant = VARIANTS["batch-re-formed"]
    own = {"duplicated": ["token 7 of 0xaa: 0xbb has 4 tokens for 2 paid tickets"]}
    late = {"duplicated": ["token 7 of 0xaa: 2 tickets have it"], "stuck": ["order 1: PAID"]}
    assert faults._judged(variant, 1, own, is_broken=True)[0]
    assert not faults._judged(variant, 1, late, is_broken=True)[0]
    assert not faults._judged(variant, 2, own, is_broken=True)[0]  # it could not go on: that proves nothing
    assert faults._judged(variant, 0, {}, is_broken=False)[0]
    assert not faults._judged(variant, 1, {}, is_broken=False)[0]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_control_of_a_variant_is_the_very_same_plan_without_the_mistake(name):
    variant = VARIANTS[name]
    control, broken = (plans.broken(3, one, variant.steps, variant.troubles) for one in (None, name))
    assert replace(broken, name="control", variant=None) == control
