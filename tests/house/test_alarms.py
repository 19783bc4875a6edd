"""Nothing waits silently: every state of every machine has an age from which it wants a person, or says why not."""

import re
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Table

from backend.api import make_app
from backend.kit import alarms
from backend.kit.db import Base

APP = make_app()
RUNBOOK = Path(__file__).parents[2] / "docs/runbooks/stuck-mint.md"
PATHS = {
    (method.upper(), re.sub(r"\{\w+\}", "{}", path))
    for path, methods in APP.openapi()["paths"].items()
    for method in methods
}
MACHINES = sorted(alarms.registered.values(), key=lambda machine: machine.name)
WAITING = [(machine.name, state, rule) for machine in MACHINES for state, rule in machine.waiting()]


NO_MACHINES = {
    "holdings": "a number of the contract's, computed from its logs",
    "token_movements": "as of holdings",
}


def _words(table: Table, column: str) -> set[str]:
    """The words the database admits in a column, by its own check."""
    checks = [str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)]
    listed = [check for check in checks if re.fullmatch(rf"{column} IN \([^)]*\)", check)]
    return set(re.findall(r"'(\w+)'", listed[0])) if listed else set()


STATEFUL = [
    table for table in sorted(Base.metadata.tables.values(), key=lambda one: one.name)
    if "status" in table.columns and table.name not in NO_MACHINES
]  # fmt: skip


def test_the_machines_of_a_purchase_are_all_there():
    wanted = {"mint_job", "batch", "send", "attempt", "order", "refund", "status_change", "payment", "payout", "claim"}
    wanted |= {"collection", "purchase", "reaction", "provider_event", "dispute", "reward", "index_cursor"}
    assert wanted <= set(alarms.registered)
    assert {table.name for table in STATEFUL} >= {"payments", "claims", "reactions", "refund_payouts", "chain_cursors"}


@pytest.mark.parametrize("table", STATEFUL, ids=lambda table: table.name)
def test_every_table_with_states_is_a_machine_and_every_word_it_admits_has_an_alarm_or_rests(table):
    [machine] = [one for one in MACHINES if one.model.__table__ is table]
    admitted = _words(table, "status")
    assert admitted, "its states are checked by the database"
    assert admitted == set(machine.states) == {str(word) for word in machine.words}


def test_what_is_no_machine_has_a_reason_and_a_table():
    assert set(NO_MACHINES) <= set(Base.metadata.tables)
    assert not {one.model.__tablename__ for one in MACHINES} & set(NO_MACHINES)


def test_no_state_waits_without_anything_a_person_can_ask_for():
    assert [(machine, state) for machine, state, rule in WAITING if not rule.actions] == []


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


@pytest.mark.parametrize("name", ["mint_job", "batch", "send", "attempt"])
def test_every_change_that_is_offered_stands_in_the_runbook(name):
    """Under its state, or once for the kind: the last word of its path, as one calls it."""
    written = RUNBOOK.read_text()
    offered = {a.path for _, rule in alarms.registered[name].waiting() for a in rule.actions if a.method == "POST"}
    missing = [path for path in offered if not re.search(re.sub(r"\{\w+\}", r"[A-Z]+", path) + r"\b", written)]
    assert missing == []
