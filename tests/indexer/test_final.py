"""Final logs reach each handler once, in order; one that fails holds up nobody else."""

import pytest

from backend.chain import onlog
from tests.indexer.conftest import assert_same


@pytest.fixture
def handlers(monkeypatch):
    """Registers final handlers for this test alone; they note what they are given."""
    given = {"calm": [], "moody": []}
    failures = {"left": 0}

    def calm(_session, _network, logs):
        given["calm"] += logs

    def moody(_session, _network, logs):
        if failures["left"]:
            failures["left"] -= 1
            raise ValueError("not today")
        given["moody"] += logs

    mine = [onlog.Subscription("TicketCollection", ("Transfer",), handle) for handle in (calm, moody)]
    monkeypatch.setattr(onlog.registered, "final", [*onlog.registered.final, *mine])
    monkeypatch.setattr("indexer.finality._FIRST_PAUSE", 0.05)
    names = {"calm": "final:" + mine[0].name, "moody": "final:" + mine[1].name}
    return given, failures, names


def _places(logs):
    return [(log.block_number, log.log_index) for log in logs]


def test_handlers_hear_of_final_logs_only_and_once(index, chain, handlers):
    given, _, names = handlers
    collection = chain.new_collection()
    chain.mint(collection, *chain.people[:3])
    tagged = index.final_after(None)
    tagged.catch_up()
    assert given["calm"] == []
    chain.anvil.mine(2)
    tagged.catch_up()
    assert len(given["calm"]) == 3
    chain.anvil.mine(5)
    tagged.catch_up()
    tagged.catch_up()
    assert _places(given["calm"]) == sorted(set(_places(given["calm"])))
    assert len(given["calm"]) == 3
    assert index.cursor(names["calm"])[0] == index.cursor()[2] == chain.head() - 2
    assert all(row[0] for row in index.query("SELECT final FROM holdings"))


def test_a_log_that_is_undone_before_it_is_final_is_never_given(index, chain, handlers):
    given, _, _ = handlers
    collection = chain.new_collection()
    patient = index.final_after(5)
    chain.mint(collection, chain.people[1])
    patient.catch_up()
    chain.reorg(1)
    chain.anvil.mine(10)
    patient.catch_up()
    assert given["calm"] == []
    assert_same(index, chain)


def test_a_failing_handler_is_stuck_while_facts_and_others_advance(index, chain, handlers):
    given, failures, names = handlers
    failures["left"] = 2
    chain.mint(chain.new_collection(), chain.people[1])
    with index.final_after(1).following():
        chain.anvil.mine(3)
        index.wait_for(lambda: (index.cursor(names["moody"]) or [None] * 5)[3] == "STUCK")
        chain.anvil.mine(3)
        index.wait_for(lambda: index.head() == chain.head())
        index.wait_for(lambda: len(given["calm"]) == 1)
        index.wait_for(lambda: len(given["moody"]) == 1)
        index.wait_for(lambda: index.cursor(names["moody"])[3] == "RUNNING")
    assert len(given["calm"]) == len(given["moody"]) == 1


def test_a_stuck_handler_is_named_in_the_status(index, chain, handlers, command):
    _, failures, names = handlers
    failures["left"] = 1000
    chain.mint(chain.new_collection(), chain.people[1])
    chain.anvil.mine(3)
    index.final_after(1).catch_up()
    code, text, _ = command("status")
    assert code == 0  # facts are well; a person must look at the handler
    assert names["moody"].removeprefix("final:") in text
    assert "STUCK" in text
    assert "not today" in text


def test_a_handler_that_comes_later_is_given_the_whole_past(index, chain, handlers, monkeypatch):
    collection = chain.new_collection()
    for _ in range(4):
        chain.mint(collection, chain.people[1], chain.people[2])
    chain.anvil.mine(3)
    index.final_after(1).catch_up()
    late = []

    def newcomer(_session, _network, logs):
        late.extend(logs)

    mine = onlog.Subscription("TicketCollection", ("Transfer",), newcomer)
    monkeypatch.setattr(onlog.registered, "final", [*onlog.registered.final, mine])
    monkeypatch.setattr("indexer.finality._LOGS_AT_ONCE", 3)  # several helpings
    index.final_after(1).catch_up()
    assert len(late) == 8
    assert _places(late) == sorted(set(_places(late)))
