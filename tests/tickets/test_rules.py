import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.tickets import rules
from backend.tickets.rules import Entry, ImpossibleStep
from backend.tickets.states import BatchStatus, CollectionStatus, JobStatus, TicketStatus

OWNERS = st.binary(min_size=20, max_size=20).filter(any)
EDGES = [rules.JOB_EDGES, rules.BATCH_EDGES, rules.TICKET_EDGES, rules.COLLECTION_EDGES, rules.CLAIM_EDGES]


@given(st.data())
def test_a_walk_over_any_of_the_machines_stays_on_it_and_never_leaves_an_end(data):
    edges = data.draw(st.sampled_from(EDGES))
    state = data.draw(st.sampled_from(list(edges)))
    for _ in range(12):
        wanted = data.draw(st.sampled_from(list(edges)))
        if wanted == state or wanted in edges[state]:
            state = type(state)(rules.step(state, wanted))
        else:
            with pytest.raises(ImpossibleStep):
                rules.step(state, wanted)
    if not edges[state]:
        assert all(not rules.may_follow(state, other) for other in edges)


@pytest.mark.parametrize("edges", EDGES)
def test_every_state_of_a_machine_is_described(edges):
    kind = type(next(iter(edges)))
    assert set(edges) == set(kind)
    assert all(after in edges for afters in edges.values() for after in afters)


@given(st.lists(st.sampled_from(list(JobStatus)), max_size=30))
def test_a_job_that_landed_is_queued_again_only_through_the_undoing_of_its_batch(wishes):
    state, landed = JobStatus.QUEUED, False
    for wish in wishes:
        if rules.may_follow(state, wish):
            if landed:
                assert wish != JobStatus.QUEUED
            state = wish
            landed = state in {JobStatus.MINTED, JobStatus.ESCROWED, JobStatus.FINAL}


def test_nothing_follows_the_ends():
    for end in (JobStatus.FINAL, BatchStatus.FINAL, BatchStatus.CANCELLED, CollectionStatus.LIVE, TicketStatus.USED):
        with pytest.raises(ImpossibleStep):
            rules.step(end, next(other for other in type(end) if other != end))


@given(st.lists(st.builds(Entry, OWNERS, st.integers(0, 2**16 - 1)), min_size=1, max_size=40))
def test_entries_read_back_as_they_were_written(entries):
    data = rules.encode_entries(entries)
    assert len(data) == 22 * len(entries)
    assert rules.decode_entries(data) == entries


@pytest.mark.parametrize("entries", [[], [Entry(bytes(20), 1)], [Entry(b"short", 1)], [Entry(b"\1" * 20, 1)] * 1001])
def test_a_batch_that_the_contract_would_refuse_is_not_written(entries):
    with pytest.raises(ValueError):
        rules.encode_entries(entries)


@given(st.integers(1, 2**36), st.integers(0, 999))
def test_a_token_id_names_its_batch_and_place_and_fits_a_javascript_number(number, index):
    token = rules.token_id(number, index)
    assert rules.batch_of(token) == (number, index)
    assert token < 2**53


@pytest.mark.parametrize(("number", "index"), [(0, 0), (1, 1000), (1, -1)])
def test_no_token_stands_outside_of_a_batch(number, index):
    with pytest.raises(ValueError):
        rules.token_id(number, index)


@pytest.mark.parametrize(
    ("code", "is_wallet"),
    [
        (b"", True),
        (bytes.fromhex("ef0100") + b"\1" * 20, True),
        (bytes.fromhex("ef0100") + b"\1" * 21, False),
        (bytes.fromhex("ef0101") + b"\1" * 20, False),
        (b"\x60\x80", False),
    ],
)
def test_a_wallet_is_an_address_without_code_or_one_delegated_by_eip_7702(code, is_wallet):
    assert rules.is_plain_wallet(code) is is_wallet
