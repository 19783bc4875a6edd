"""Nothing waits silently: every state of every machine has an age from which it wants a person, or says why not."""

import re
from pathlib import Path

import pytest

from backend.api import make_app
from backend.kit import alarms

APP = make_app()
RUNBOOK = Path(__file__).parents[2] / "docs/runbooks/stuck-mint.md"
PATHS = {
    (method.upper(), re.sub(r"\{\w+\}", "{}", path))
    for path, methods in APP.openapi()["paths"].items()
    for method in methods
}
MACHINES = sorted(alarms.registered.values(), key=lambda machine: machine.name)
WAITING = [(machine.name, state, rule) for machine in MACHINES for state, rule in machine.waiting()]


def test_the_machines_of_a_purchase_are_all_there():
    assert {"mint_job", "batch", "send", "attempt", "order", "refund", "status_change"} <= set(alarms.registered)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_has_an_alarm_or_a_reason_why_none(machine):
    assert {str(word) for word in machine.words} <= set(machine.states)
    for state, rule in machine.states.items():
        words = rule.does if isinstance(rule, alarms.Waits) else rule.why
        assert words[-1] in ".?" and len(words) > 10, state


@pytest.mark.parametrize(("machine", "state", "rule"), WAITING, ids=lambda part: part if isinstance(part, str) else "")
def test_what_a_person_is_told_to_do_can_be_done(machine, state, rule):
    assert 0 <= rule.seconds <= 14 * 86_400
    for action in rule.actions:
        asked = re.sub(r"\{\w+\}", "{}", action.path.partition("?")[0])
        assert (action.method, asked) in PATHS, f"{machine} {state}: no such request: {action.path}"


def test_what_is_stuck_wants_a_person_at_once():
    stuck = [rule for machine in MACHINES for state, rule in machine.states.items() if state == "STUCK"]
    assert stuck and all(rule.seconds == 0 and rule.actions for rule in stuck)


@pytest.mark.parametrize("name", ["mint_job", "batch", "send", "attempt"])
def test_the_runbook_has_a_section_for_every_state_that_waits(name):
    written = RUNBOOK.read_text()
    missing = [state for state, _ in alarms.registered[name].waiting() if f"### {name} {state}\n" not in written]
    assert missing == []


def test_every_request_in_the_runbook_is_one_of_ours():
    asked = re.findall(r'\b(get|post) "?(/[\w/-]+)', RUNBOOK.read_text())
    assert len(asked) > 10
    for verb, path in asked:
        plain = re.sub(r"/[A-Z]+\b", "/{}", path)
        assert (verb.upper(), plain) in PATHS, path
