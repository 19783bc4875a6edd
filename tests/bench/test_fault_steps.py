"""The steps of the fault campaign: each can be reached, and what stands there happens once, at its moment."""

import pytest
from sqlalchemy.orm import Session

from bench.fault_kit import hooks, run, steps
from bench.fault_kit.hooks import Hooks
from bench.fault_kit.lanes import Lane, Schedule
from bench.fault_kit.steps import NOBODY, At, Step
from tests.bench import sample
from tests.bench.line import Line

_DOUBLE = "tests.bench.sample:double"


def test_every_step_can_be_reached():
    assert steps.missing() == []


@pytest.mark.parametrize(
    "point", ["backend.chain.send:_gone", "backend.gone:send", "tests.bench.sample:closed", "backend.chain.send:_log"]
)
def test_a_step_whose_function_is_gone_is_told_with_its_name(point):
    [told] = steps.missing([point])
    assert point in told


def test_a_campaign_that_cannot_reach_a_step_refuses_to_start(monkeypatch, capsys):
    gone = Step("worker", "send", At.BEFORE, "backend.chain.send:_gone", "worker")
    monkeypatch.setattr(steps, "STEPS", (gone,))
    assert run.main() == run.BROKEN_OFF
    assert "backend.chain.send:_gone" in capsys.readouterr().out


def test_there_are_enough_steps_and_no_two_have_one_name():
    names = [step.name for step in steps.STEPS]
    assert len(set(names)) == len(names) >= 25
    assert {step.victim for step in steps.STEPS} >= {"api", "worker", "beat", "indexer", "postgres", "redis", "anvil"}


@pytest.fixture
def line(monkeypatch):
    """A process with one point, and a step that lets its thread stand still there for no time."""
    still = [Step("worker", "doubling", at, _DOUBLE, NOBODY) for at in At]
    monkeypatch.setattr(steps, "STEPS", tuple(still))
    monkeypatch.setattr(hooks, "_CALM", {})
    code, line = sample.double.__code__, Line()
    monkeypatch.setattr(hooks, "_hooks", Hooks(line, "worker", 0.0))
    hooks._lay(_DOUBLE)
    yield line
    sample.double.__code__ = code


def test_a_detour_changes_nothing_of_what_a_function_does(line):
    assert sample.double(2, plus=1) == 5
    assert line.said == []


@pytest.mark.parametrize("at", [At.BEFORE, At.AFTER])
def test_an_armed_step_happens_once(line, at):
    step = next(step for step in steps.STEPS if step.at is at)
    line.hear({"arm": step.name})
    assert [sample.double(1), sample.double(1)] == [2, 2]
    assert line.said == [{"hit": step.name}]


def test_a_disarmed_step_does_not_happen(line):
    step = steps.STEPS[0]
    line.hear({"arm": step.name})
    line.hear({"disarm": step.name})
    sample.double(1)
    assert line.said == []


@pytest.mark.parametrize("at", [At.BEFORE_COMMIT, At.AFTER_COMMIT])
def test_a_step_at_a_commit_is_only_at_the_commit_of_its_own_transaction(line, at):
    step = next(step for step in steps.STEPS if step.at is at)
    line.hear({"arm": step.name})
    other, own = Session(), Session()
    hooks.through(_DOUBLE, (1,), {})
    moment = hooks._before_commit if at is At.BEFORE_COMMIT else hooks._after_commit
    moment(other)
    assert line.said == []
    own.info[hooks._POINTS] = {_DOUBLE}
    moment(own)
    assert line.said == [{"hit": step.name}]


def test_the_schedule_is_the_same_for_a_seed_and_another_for_another():
    def order(seed):
        lane = Lane("worker-1")
        schedule = Schedule(seed, 2, 2, 0.0001, {lane.name: lane})
        schedule._begun = 0
        return [step.name for step in schedule.next(lane)]

    assert order(1) == order(1) != order(2)


def test_what_takes_a_worker_the_brokers_patience_is_not_planned_more_often_than_it_must_be():
    lane = Lane("worker-1")
    still = sum(step.victim == steps.NOBODY for step in steps.of("worker"))
    assert still > 0
    whole, fewer = (Schedule(1, 7, rounds, 60.0, {lane.name: lane}).left() for rounds in (7, 5))
    assert whole - fewer == 2 * still


def test_a_step_that_was_not_reached_comes_again_and_one_that_was_does_not():
    lane = Lane("beat")
    schedule = Schedule(1, 1, 1, 0.0001, {lane.name: lane})
    schedule._begun = 0
    armed = list(schedule.next(lane))
    assert len(armed) < len(steps.of("beat"))  # two that happen at one moment are not armed together
    others = schedule.hit(lane, armed[0], counts=True)
    assert armed[0] not in others
    assert schedule.left() == len(steps.of("beat")) - 1
    assert schedule.reached == {armed[0].name: 1}
    lane.not_before = 0
    schedule.next(lane)
    lane.until = 0
    assert schedule.expired(lane)
    assert schedule.left() == len(steps.of("beat")) - 1
