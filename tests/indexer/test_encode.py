"""A node's logs as rows: the same as decoding them one by one, and nothing malformed gets in."""

import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.chain.facts import Facts
from backend.chain.onlog import Log
from indexer.encode import LogAnswer, encoded
from indexer.rpc import NodeTrouble

NETWORK = "eip155:31337"
AT = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
_decoder = msgspec.json.Decoder(list[LogAnswer])
word = st.binary(min_size=32, max_size=32)


def hashed(number, salt=0):
    return bytes([salt]) + number.to_bytes(31, "big")


@st.composite
def stories(draw):
    """Logs of a few blocks, each place once."""
    places = draw(st.sets(st.tuples(st.integers(0, 2**40), st.integers(0, 2**31 - 1)), max_size=12))
    addresses = draw(st.lists(st.binary(min_size=20, max_size=20), min_size=1, max_size=3))
    return [
        Log(
            NETWORK,
            number,
            hashed(number),
            AT,
            draw(word),
            index,
            draw(st.sampled_from(addresses)),
            tuple(draw(st.lists(word, min_size=1, max_size=4))),
            draw(st.binary(max_size=100)),
        )
        for number, index in sorted(places)
    ]


def as_json(log, **other):
    return {
        "blockNumber": hex(log.block_number),
        "blockHash": "0x" + log.block_hash.hex(),
        "logIndex": hex(log.log_index),
        "transactionIndex": "0x7",
        "transactionHash": "0x" + log.tx_hash.hex(),
        "address": "0x" + log.address.hex(),
        "topics": ["0x" + topic.hex() for topic in log.topics],
        "data": "0x" + log.data.hex(),
        "removed": False,
        "blockTimestamp": "0x1",
    } | other


def read(answers, ours=None):
    parsed = _decoder.decode(json.dumps(answers))
    texts = {one["address"].lower() + one["topics"][0] for one in answers if one["topics"]} if ours is None else ours
    return encoded(NETWORK, parsed, texts)


def timed(found):
    found.logs.times = dict.fromkeys(found.blocks.values(), AT)
    return found.logs


@given(stories(), st.randoms())
def test_logs_come_out_as_they_went_in_and_in_order(story, chance):
    answers = [as_json(log) for log in story]
    chance.shuffle(answers)
    found = read(answers)
    assert list(timed(found)) == story
    assert found.blocks == {log.block_number: log.block_hash for log in story}
    assert all(found.has(log.block_hash, log.address) for log in story)


@given(stories())
def test_rows_are_those_of_logs_built_one_by_one(story):
    ours, built = timed(read([as_json(log, transactionIndex="0x0") for log in story])), Facts.of(NETWORK, story)
    assert ours.rows == built.rows
    assert list(ours.places) == list(built.places)
    assert ours.by_kind == built.by_kind


@given(stories(), st.data())
def test_parts_joined_or_merged_are_the_whole(story, data):
    cut = data.draw(st.integers(0, len(story)))
    parts = [Facts.of(NETWORK, story[:cut]), Facts.of(NETWORK, story[cut:])]
    assert list(Facts.joined(NETWORK, parts)) == story
    assert Facts.joined(NETWORK, parts).by_kind == Facts.of(NETWORK, story).by_kind
    assert list(Facts.merged(NETWORK, parts[::-1])) == story


@given(stories(), st.data())
def test_a_part_cut_out_and_a_buffer_read_again_are_what_they_were(story, data):
    whole = Facts.of(NETWORK, story)
    start = data.draw(st.integers(0, len(story)))
    end = data.draw(st.integers(start, len(story)))
    assert list(whole.cut(start, end)) == story[start:end]
    assert whole.cut(start, end).rows == Facts.of(NETWORK, story[start:end]).rows
    assert list(Facts.read(NETWORK, whole.rows, whole.times)) == story
    number = data.draw(st.sampled_from([log.block_number for log in story])) if story else 0
    assert list(whole.above(number)) == [log for log in story if log.block_number > number]


def test_what_is_told_of_logs_is_read_once():
    asked = []
    facts = Facts.of(NETWORK, [Log(NETWORK, 5, hashed(5), AT, hashed(1), 0, bytes(20), (hashed(2),), b"")])
    kind = bytes(20) + hashed(2)
    assert facts.chosen([kind]).told(lambda one: asked.append(len(one)) or len(one)) == 1
    read_ahead = asked.append
    facts.chosen([kind]).told(read_ahead)
    facts.chosen([kind, hashed(9) + bytes(20)]).told(read_ahead)
    assert len(asked) == 2
    assert not facts.chosen([]).places


def test_only_what_is_wanted_is_kept_however_the_node_writes_addresses():
    one = Log(NETWORK, 5, hashed(5), AT, hashed(1), 0, bytes([0xAB]) * 20, (hashed(2),), b"")
    other = Log(NETWORK, 5, hashed(5), AT, hashed(1), 1, bytes([0xCD]) * 20, (hashed(2),), b"")
    shouted = as_json(one, address="0x" + one.address.hex().upper())
    found = read([shouted, as_json(other)], {"0x" + one.address.hex() + "0x" + hashed(2).hex()})
    assert list(timed(found)) == [one]
    assert found.has(hashed(5), one.address)
    assert not found.has(hashed(5), other.address)


GOOD = Log(NETWORK, 5, hashed(5), AT, hashed(1), 0, bytes(20), (hashed(2), hashed(3)), b"data")


@pytest.mark.parametrize(
    "wrong",
    [
        {"blockHash": "0x" + "ee" * 31},
        {"blockHash": "0x" + "gg" * 32},
        {"blockHash": None},
        {"blockNumber": None},
        {"blockNumber": "0xzz"},
        {"logIndex": "0x80000000"},
        {"logIndex": None},
        {"transactionIndex": "-0x1"},
        {"transactionHash": "0x" + "ee" * 33},
        {"address": "0x" + "ee" * 19},
        {"topics": ["0x" + "ee" * 32] * 5},
        {"topics": ["0x" + "ee" * 31]},
        {"data": "0x123"},
        {"data": "0x12 34"},
        {"data": "0x0x1234"},
        {"data": ""},
        {"removed": True},
    ],
    ids=str,
)
def test_a_malformed_log_is_refused(wrong):
    with pytest.raises((NodeTrouble, msgspec.ValidationError)):
        read([as_json(GOOD), as_json(GOOD, logIndex="0x1"), as_json(GOOD, **({"logIndex": "0x2"} | wrong))])


def test_two_wrongs_make_no_right():
    """Odd lengths whose sum is even would shift every row between them."""
    with pytest.raises(NodeTrouble, match="lengths"):
        read([as_json(GOOD, data="0x123"), as_json(GOOD, logIndex="0x1", data="0x123")])


def test_the_same_log_twice_and_two_blocks_of_one_height_are_refused():
    with pytest.raises(NodeTrouble, match="twice"):
        read([as_json(GOOD), as_json(GOOD)])
    with pytest.raises(NodeTrouble, match="two blocks"):
        read([as_json(GOOD), as_json(GOOD, logIndex="0x1", blockHash="0x" + "ee" * 32)])
