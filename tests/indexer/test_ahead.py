"""What is put together and read ahead of the stretch that is written: the same, and never believed too long."""

from datetime import UTC, datetime

import pytest

from backend.chain import onlog
from backend.chain.facts import Facts
from backend.chain.onlog import Log, Subscription
from indexer import apply
from indexer.fetch import Mark, Stretch, joined
from indexer.node import Header
from indexer.ranges import Ranges
from indexer.rpc import NodeTrouble

NETWORK = "eip155:31337"
ONE, OTHER = bytes([1]) * 20, bytes([2]) * 20
AT = datetime(2026, 6, 1, tzinfo=UTC)
TOPIC = bytes([7]) * 32
HEAD = 20_000


def hashed(number):
    return number.to_bytes(32, "big")


def headers(first, last):
    return tuple(Header(number, hashed(number), hashed(number - 1), AT, 0) for number in range(first, last + 1))


def page(first, last, wanted):
    """Each block holds a log of each contract that is asked for."""
    logs = [
        Log(NETWORK, header.number, header.hash, AT, hashed(header.number), index, address, (TOPIC,), b"")
        for header in headers(first, last)
        for index, address in enumerate(sorted(wanted))
    ]
    return Stretch(headers(first, last), Facts.of(NETWORK, logs), wanted)


@pytest.fixture
def chain(monkeypatch):
    """A chain of 2,000 blocks that is read by the page; block 700 fails once."""
    failed = []

    def fetch(_node, first, last, wanted):
        if first <= 700 <= last and not failed:
            failed.append(first)
            raise NodeTrouble("not now")
        return page(first, last, wanted)

    monkeypatch.setattr("indexer.ranges.fetch_range", fetch)
    monkeypatch.setattr(
        "indexer.ranges.completed",
        lambda _node, stretch, wanted: page(stretch.headers[0].number, stretch.headers[-1].number, wanted),
    )
    prepared = []
    ranges = Ranges(None, prepared.append)
    yield ranges, prepared
    ranges.close()


def test_stretches_follow_each_other_without_a_gap_and_are_prepared(chain):
    ranges, prepared = chain
    at, wanted, seen = Mark(0, hashed(0)), {ONE: frozenset([TOPIC])}, []
    while at.number < HEAD:
        stretch = ranges.after(at, HEAD, wanted)
        assert any(stretch.logs is logs for logs in prepared)
        seen += [log.block_number for log in stretch.logs]
        at = stretch.end
    assert seen == list(range(1, HEAD + 1))


def test_a_contract_that_is_found_is_in_everything_that_was_ahead(chain):
    ranges, _ = chain
    at, wanted, seen = Mark(0, hashed(0)), {ONE: frozenset([TOPIC])}, []
    while at.number < HEAD:
        stretch = ranges.after(at, HEAD, wanted)
        if at.number > 150 and OTHER not in wanted:
            # Found in this stretch: its first page alone is completed and applied.
            wanted = {**wanted, OTHER: frozenset([TOPIC])}
            first = stretch.pages()[0]
            stretch = page(first.headers[0].number, first.headers[-1].number, wanted)
            found_at = stretch.headers[0].number
        assert stretch.headers[0].number == at.number + 1
        assert stretch.wanted == wanted
        seen += [(log.block_number, log.address) for log in stretch.logs]
        at = stretch.end
    assert [number for number, address in seen if address == ONE] == list(range(1, HEAD + 1))
    assert [number for number, address in seen if address == OTHER] == list(range(found_at, HEAD + 1))


def test_what_was_ahead_of_another_place_is_forgotten(chain):
    ranges, _ = chain
    wanted = {ONE: frozenset([TOPIC])}
    first = ranges.after(Mark(0, hashed(0)), HEAD, wanted)
    ranges.after(first.end, HEAD, wanted)
    again = ranges.after(Mark(10, hashed(10)), HEAD, wanted)
    assert again.headers[0].number == 11


def test_pages_are_cut_out_of_a_stretch_as_they_came():
    wanted = {ONE: frozenset([TOPIC]), OTHER: frozenset([TOPIC])}
    pages = [page(1, 3, wanted), page(4, 4, {}), page(5, 9, wanted)]
    stretch = joined(Mark(0, hashed(0)), pages)
    assert [(one.headers, list(one.logs)) for one in stretch.pages()] == [
        (one.headers, list(one.logs)) for one in pages
    ]
    assert stretch.ends() == [one.end for one in pages]


def test_logs_that_cannot_be_read_ahead_are_left_to_their_handler(monkeypatch):
    def broken(_logs):
        raise ValueError("no story")

    mine = Subscription("TicketCollection", ("Transfer",), lambda *_: None, broken)
    monkeypatch.setattr(onlog.registered, "seen", [mine])
    monkeypatch.setattr(apply.abi, "topic", lambda *_: TOPIC)
    logs = page(1, 2, {ONE: frozenset([TOPIC])}).logs
    apply.prepare({ONE: "TicketCollection"}, logs)
    with pytest.raises(ValueError, match="no story"):
        apply.chosen(mine, {ONE: "TicketCollection"}, logs).told(broken)
