"""docs/runbooks/deep-reorg.md on an evening that happened, was final, and whose end the network undid after all."""

import pytest
from sqlalchemy import select

from backend.accounts.models import Role
from backend.chain import tasks as chain_tasks
from backend.chain.port import CallReverted
from backend.payments import tasks as payment_tasks
from backend.payments.models import Refund
from tests.factories.accounts import grant
from tests.indexer.conftest import Index
from tests.indexer.test_runbook import commands, run_as_written, statements, told

DEEP_REORG, MISMATCH = 3, 6
ON_CHAIN = ("LIVE", "LOCKED", "USED", "VOID")


@pytest.fixture
def index(evening, fresh_database):
    return Index(evening.market.job, fresh_database.owner_url, evening.market.manifests)


def undo(evening, index, since):
    """Replace the blocks since the first log of a kind by empty ones."""
    [[first]] = index.query(f"SELECT min(block_number) FROM token_movements WHERE {since}")
    evening.market.ask("anvil_reorg", evening.market.port.head().number - first + 1, [])
    evening.market.node.mine(1)


CARD = "token_id = 2 << 16 AND kind = 'MINT'"
STATUSES = "kind = 'STATUS'"


def asked_of_the_chain(evening, index):
    """Every ticket of ours by what it is here, and what its contract says itself."""
    found = {}
    for ticket, token, here in index.query("SELECT id, token_id, status FROM tickets WHERE token_id IS NOT NULL"):
        try:
            answer = evening.market.read("TicketCollection", evening.collection.address, "ticket", int(token))
            found[ticket] = here, ON_CHAIN[answer["status"]]
        except CallReverted:
            found[ticket] = here, "NOWHERE"
    return found


def listed(index):
    """What the runbook's queries find: differing tickets, tokens that are nobody's, sales that are gone."""
    tickets, tokens, sales = (index.query(one) for one in statements())
    return {row[2]: (row[3], row[4], row[1]) for row in tickets}, tokens, sales


def differing(evening, index):
    is_over = ("VOID", "NOWHERE")
    truth = asked_of_the_chain(evening, index)
    return {ticket: said for ticket, said in truth.items() if said[0] != said[1] and said != is_over}


def let_the_worker_look(evening):
    """The worker sees that its keys stand still, hands the same bytes over, and they are mined."""
    for _ in range(3):
        chain_tasks.check_signers()
        evening.market.node.mine(1)
    evening.finish()


def walk(index):
    """Section 1 and the second command of section 4, as they stand there."""
    values = {"SECOND": index.job.rpc_url}
    code, text = run_as_written(index, "python -m indexer follow", values)
    assert (code, "DeepReorg" in text) == (DEEP_REORG, True)
    code, text = run_as_written(index, commands(1)[0], values)
    assert code == 1
    values |= told(text)
    assert values["THEIRS"] in run_as_written(index, commands(2)[0], values)[1]
    code, text = run_as_written(index, commands(4)[1], values)
    assert (code, "RUNNING" in text) == (0, True), text


def test_on_an_evening_that_stands_the_queries_find_nothing(evening, index):
    assert listed(index) == ({}, [], [])
    assert differing(evening, index) == {}


def test_the_house_says_that_it_is_halted_and_the_runbook_brings_it_right(evening, index):
    undo(evening, index, CARD)
    run_as_written(index, "python -m indexer follow")
    halted = "halted at block"
    assert halted in evening.client.get("/ready").text
    assert "HALTED" in evening.client.get("/health").text
    walk(index)
    assert "HALTED" not in evening.client.get("/health").text
    assert halted not in evening.client.get("/ready").text
    missing, tokens, sales = listed(index)
    assert {ticket: said[:2] for ticket, said in missing.items()} == differing(evening, index)
    assert [said[2] for said in missing.values()].count("crypto") == 3
    assert {said[1] for said in missing.values()} == {"NOWHERE"}
    assert tokens == []
    assert len(sales) == 2, "both sales on the market are gone"
    code, text = run_as_written(index, "python -m indexer verify")
    assert (code, text.count("DIFFER")) == (MISMATCH, 1), text
    assert "books        4 DIFFER" in text


def test_what_the_house_minted_comes_back_by_itself_and_what_buyers_sent_does_not(evening, index):
    undo(evening, index, CARD)
    walk(index)
    before = {ticket for ticket, said in listed(index)[0].items() if said[2] != "crypto"}
    assert len(before) == 5
    let_the_worker_look(evening)
    missing, _, _ = listed(index)
    assert {ticket: said[:2] for ticket, said in missing.items()} == differing(evening, index)
    nowhere = {ticket: provider for ticket, (_, there, provider) in missing.items() if there == "NOWHERE"}
    assert set(nowhere.values()) == {"crypto"} and len(nowhere) == 3
    assert before.isdisjoint(nowhere)


def test_a_status_that_is_gone_is_named_with_both_words(evening, index):
    undo(evening, index, STATUSES)
    walk(index)
    missing, tokens, sales = listed(index)
    assert {ticket: said[:2] for ticket, said in missing.items()} == differing(evening, index)
    assert sorted(said[:2] for said in missing.values()) == [("LOCKED", "LIVE"), ("USED", "LIVE"), ("VOID", "LIVE")]
    assert (tokens, sales) == ([], [])


def test_the_money_of_a_ticket_that_is_nowhere_goes_back_once(evening, index, till):
    undo(evening, index, CARD)
    walk(index)
    grant(evening.session, evening.promoter.wallet, Role.ADMIN)
    evening.session.commit()
    [order] = {
        order for order, provider, _, _, there, _, _ in index.query(statements()[0])
        if provider == "stripe" and there == "NOWHERE"
    }  # fmt: skip
    for _ in range(2):
        answer = evening.post(evening.promoter, f"/v1/admin/orders/{order}/refund", reason="undone", anyway=True)
        assert answer.status_code == 202, answer.json()
        for refund in evening.session.scalars(select(Refund.id)).all():
            payment_tasks.carry_out_refund(refund)
    [money] = till.refunds.values()
    assert (money.amount, money.currency) == (199_600, "SEK")


def test_a_token_that_is_no_ticket_here_is_named(evening, index):
    index.execute("UPDATE holdings SET token_id = 99 WHERE token_id = 65537")
    [[_, token, *_]] = index.query(statements()[1])
    assert token == 99
