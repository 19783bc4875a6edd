"""The reckoning finds what it is there to find, and names it; where everything agrees it finds nothing."""

import json

import pytest

from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, ChainSigner, SendStatus
from backend.kit.db import unit_of_work
from backend.kit.ids import new_id
from bench.fault_kit.evidence import Chain, Database, Provider, Token, refunds_asked
from bench.fault_kit.reckoning import SHARED_NONCES, reckon
from bench.fault_kit.variants import VARIANTS
from scripts.machine.trouble import Trouble

COLLECTION, WALLET, OTHER, KEY = (bytes([number]) * 20 for number in (1, 2, 3, 4))
HASH, BLOCK = b"\x05" * 32, b"\x06" * 32
ORDER = "0197f3a0-0000-7000-8000-000000000001"
VOID = 3


class House:
    """A small world in which everything agrees, until a test changes a part of it. Is both chain and database."""

    def __init__(self):
        self.provider = Provider({ORDER: 1_000}, {}, [], {ORDER: 1_000_000.0})
        self.refunds_asked = {}
        self.on_chain = [Token(COLLECTION, 65_536, WALLET, 1, 0), Token(COLLECTION, 65_537, WALLET, 1, 0)]
        self.sent = {HASH: 0}
        self.counted = (1, 1)
        self.left_over = []
        self.tables = {
            "SELECT address FROM collections": [(COLLECTION,)],
            "FROM orders o JOIN order_lines": [
                (ORDER, "ABC", "FULFILLED", "SEK", WALLET, 2, 1, COLLECTION, "line"),
            ],
            "FROM tickets t": [
                ("line", 0, "ticket-0", 65_536, "LIVE", COLLECTION),
                ("line", 1, "ticket-1", 65_537, "LIVE", COLLECTION),
            ],
            "FROM tiers t": [("tier", 1, "Standing", 2, 0, 2, COLLECTION, 2)],
            "HAVING sum(amount) <> 0": [],
            "coalesce(sum(amount), 0)": [(1_000,)],
            "SELECT role, address, next_nonce": [("minter", KEY, 1)],
            "SELECT DISTINCT nonce": [(0,)],
            "array_agg": [],
            "SELECT address FROM chain_signers": [(KEY,)],
            "SELECT tx_hash, raw": [(HASH, b"raw")],
            "status = 'DROPPED'": [],
            "FROM chain_logs": [(BLOCK, 0)],
            "FROM holdings": [(COLLECTION, 65_536, WALLET, 1, 0), (COLLECTION, 65_537, WALLET, 1, 0)],
            "status = 'FULFILLED'": [(ORDER, 1_000_003.5)],
            "WHERE paid_at IS NULL": [],
            "FROM batches later": [(0,)],
        }

    def rows(self, query, *_):
        [found] = [rows for part, rows in self.tables.items() if part in query]
        return found

    def unfinished(self):
        return self.left_over

    def logs(self, _):
        return [{"blockHash": "0x" + BLOCK.hex(), "logIndex": "0x0"}]

    def tokens(self, _):
        return self.on_chain

    def nonces(self, _):
        return self.counted

    def transactions(self, _):
        return self.sent

    def found(self):
        return {name: findings for name, findings in self.reckoned().findings.items() if findings}

    def reckoned(self):
        return reckon(self, self.provider, self, self.refunds_asked)

    def gives_back(self, amount=1_000):
        """The order's money went back, and its tickets were made void."""
        self.provider.refunded[ORDER] = amount
        self.tables["coalesce(sum(amount), 0)"] = [(1_000 - amount,)]
        self.tables["FROM tickets t"] = [
            ("line", unit, f"ticket-{unit}", 65_536 + unit, "VOID", COLLECTION) for unit in (0, 1)
        ]
        self.on_chain = [Token(COLLECTION, 65_536 + unit, WALLET, 1, VOID) for unit in (0, 1)]
        self.tables["FROM holdings"] = [(COLLECTION, 65_536 + unit, WALLET, 1, VOID) for unit in (0, 1)]


@pytest.fixture
def house():
    return House()


def test_where_everything_agrees_nothing_is_found(house):
    assert house.found() == {}


def test_a_paid_ticket_without_a_token_is_lost(house):
    house.on_chain.pop()
    house.tables["FROM holdings"].pop()
    [finding] = house.found()["lost"]
    assert "ticket-1" in finding and "ABC" in finding


def test_a_paid_order_that_is_not_there_is_lost(house):
    house.provider.paid["unheard-of"] = 5
    assert any("unheard-of" in finding for finding in house.found()["lost"])


def test_a_token_of_somebody_else_is_lost(house):
    house.on_chain[0] = Token(COLLECTION, 65_536, OTHER, 1, 0)
    assert "somebody else's" in house.found()["lost"][0]


def test_a_token_without_a_ticket_is_a_duplicate(house):
    house.on_chain.append(Token(COLLECTION, 131_072, WALLET, 1, 0))
    [finding] = house.found()["duplicated"]
    assert "131072" in finding
    assert VARIANTS["batch-re-formed"].evidence(house.found()) == [finding]


def test_a_token_that_its_ticket_does_not_know_of_yet_is_late_and_no_duplicate(house):
    house.tables["FROM tickets t"][1] = ("line", 1, "ticket-1", None, "MINTING", COLLECTION)
    assert set(house.found()) == {"lost", "every token has its ticket"}
    assert VARIANTS["batch-re-formed"].evidence(house.found()) == []


def test_a_nonce_of_two_calls_is_told_with_its_key(house):
    house.tables["array_agg"] = [("minter", KEY, 7, ["a", "b"])]
    assert house.found()["one nonce, one call"] == [f"minter 0x{KEY.hex()} nonce 7: sends a, b"]


@pytest.mark.parametrize("name", ["bytes-not-stored", "nonce-recycled"])
def test_bytes_that_nobody_has_are_evidence_of_lost_bytes_and_bytes_replaced_by_others_are_not(house, name):
    house.tables["status = 'DROPPED'"] = [("attempt-1", 0)]
    assert VARIANTS[name].evidence(house.found()) == []
    house.sent[b"\x09" * 32] = 1
    assert len(VARIANTS[name].evidence(house.found())) == 1


def test_money_taken_twice_is_a_duplicate(house):
    house.provider.double.append(ORDER)
    assert ORDER in house.found()["duplicated"][0]


def test_a_ticket_nobody_paid_for_is_a_duplicate(house):
    house.provider.paid.clear()
    assert len(house.found()["duplicated"]) == 2


def test_more_tokens_than_seats_are_oversold(house):
    house.tables["FROM tiers t"] = [("tier", 1, "Standing", 1, 0, 1, COLLECTION, 1)]
    assert set(house.found()) == {"oversold"}


def test_a_counter_that_is_not_what_was_sold_is_told(house):
    house.tables["FROM tiers t"] = [("tier", 1, "Standing", 9, 0, 3, COLLECTION, 2)]
    assert set(house.found()) == {"oversold"}


def test_what_has_not_come_to_its_end_is_stuck(house):
    house.left_over.append(("batch", "batch-7", "UNKNOWN"))
    assert house.found() == {"stuck": ["batch batch-7: UNKNOWN"]}


def test_books_that_do_not_balance_are_told(house):
    house.tables["HAVING sum(amount) <> 0"] = [("journal", "SEK", 7)]
    house.tables["coalesce(sum(amount), 0)"] = [(1_007,)]
    assert set(house.found()) == {"the ledger sums to zero", "the ledger has the provider's money"}


@pytest.mark.parametrize("counted", [(0, 1), (1, 2), (2, 2)], ids=["in the pool", "a later one waits", "a foreign one"])
def test_nonces_that_are_not_the_chains_are_told(house, counted):
    house.counted = counted
    assert set(house.found()) == {"no gap in the nonces"}


def test_a_nonce_that_nothing_used_is_told(house):
    house.tables["SELECT role, address, next_nonce"] = [("minter", KEY, 3)]
    house.tables["SELECT DISTINCT nonce"] = [(0,), (2,)]
    house.counted = (3, 3)
    assert "nonce 1" in house.found()["no gap in the nonces"][0]


def test_a_transaction_whose_bytes_we_do_not_have_is_told(house):
    house.sent[b"\x09" * 32] = 1
    assert "09" * 32 in house.found()["every transaction is known"][0]


def test_an_index_that_differs_from_the_chain_is_told(house):
    house.tables["FROM holdings"][0] = (COLLECTION, 65_536, OTHER, 1, 0)
    house.tables["FROM chain_logs"] = [(BLOCK, 1)]
    assert len(house.found()["the index is the chain"]) == 3


def test_a_refund_that_was_asked_for_is_none_of_the_purchases_and_no_finding(house):
    house.refunds_asked[ORDER] = True
    house.gives_back()
    assert house.found() == {}
    assert (house.reckoned().purchases, house.reckoned().refunded) == (0, 1)


def test_a_refund_that_nobody_asked_for_is_told(house):
    house.gives_back()
    assert "nobody had asked" in house.found()["refunded as asked"][0]


def test_money_that_came_too_late_and_bought_nothing_may_go_back_unasked(house):
    house.gives_back()
    house.tables["WHERE paid_at IS NULL"] = [(ORDER, 1_000_000.0)]
    assert house.found() == {}
    house.tables["WHERE paid_at IS NULL"] = [(ORDER, 1_000_001.0)]
    assert set(house.found()) == {"refunded as asked"}


@pytest.mark.parametrize(("is_promised", "back", "is_told"), [(True, 0, True), (False, 0, False), (False, 400, True)])
def test_a_refund_that_was_promised_must_go_back_and_all_of_it(house, is_promised, back, is_told):
    house.refunds_asked[ORDER] = is_promised
    if back:
        house.gives_back(back)
    assert ("refunded as asked" in house.found()) is is_told


def test_a_refunded_ticket_must_be_worth_nothing(house):
    house.refunds_asked[ORDER] = True
    tickets = house.tables["FROM tickets t"]
    house.gives_back()
    house.tables["FROM tickets t"] = tickets
    assert len(house.found()["lost"]) == 2


def test_from_paid_to_final_is_counted_from_when_the_provider_took_the_money(house):
    assert house.reckoned().seconds_to_final == (3.5, 3.5, 3.5)


def test_the_journal_says_which_refunds_were_asked_for(tmp_path):
    journal = tmp_path / "purchases.jsonl"
    told = [{"order": name, "refund": refund} for name, refund in (("a", None), ("b", "asked"), ("c", "taken"))]
    journal.write_text("".join(json.dumps(one) + "\n" for one in told))
    assert refunds_asked(journal) == {"b": False, "c": True}


def test_a_block_that_the_node_lost_is_told_by_its_number(monkeypatch):
    blocks = [{"transactions": []}, None, {"transactions": []}]
    monkeypatch.setattr(Chain, "head", lambda _: 2)
    monkeypatch.setattr(Chain, "ask", lambda _, calls: (blocks[int(call[1][0], 16)] for call in calls))
    with pytest.raises(Trouble, match="lost block 1 of 2"):
        Chain("http://node").transactions({KEY})


def _attempt(session, signer, nonce, now):
    send = ChainSend(
        id=new_id(), network="eip155:31337", signer_role="minter", to_address=COLLECTION, data=b"", value=0,
        purpose="mint_batch", subject_id=new_id(), generation=0, status=SendStatus.FINAL, waits_on=[], trace_id="",
        created_at=now, status_since=now,
    )  # fmt: skip
    session.add(send)
    session.flush()
    session.add(
        ChainAttempt(
            send_id=send.id, network=send.network, signer=signer, nonce=nonce, status=AttemptStatus.REPLACED, raw=b"r",
            gas_limit=1, max_fee=1, priority_fee=1, tx_hash=new_id().bytes * 2, created_at=now,
        )
    )  # fmt: skip
    session.flush()


def test_each_key_of_a_role_counts_its_own_nonces(fresh_database, now):
    with unit_of_work() as session:
        for key in (KEY, OTHER):
            session.add(ChainSigner(network="eip155:31337", role="minter", address=key, next_nonce=1))
            _attempt(session, key, 0, now)
    database = Database(fresh_database.url)
    assert database.rows(SHARED_NONCES) == []
    with unit_of_work() as session:
        _attempt(session, OTHER, 0, now)
    [(role, address, nonce, sends)] = database.rows(SHARED_NONCES)
    assert (role, bytes(address), nonce, len(sends)) == ("minter", OTHER, 0, 2)
