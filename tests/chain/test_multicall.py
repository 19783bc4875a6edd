"""Many questions in one call: the program runs on a real node and answers as the contracts do, one by one."""

import pytest

from backend.chain import abi, asking, multicall
from backend.chain.proving import Expectation
from tests.indexer.chainside import Chainside


@pytest.fixture
def chain(anvil, tmp_path):
    return Chainside(anvil, tmp_path / "deployments").deploy()


def call(chain, to, data):
    message = {"data": "0x" + data.hex()} | ({} if to is None else {"to": "0x" + to.hex()})
    return bytes.fromhex(chain.rpc("eth_call", message, {"blockHash": "0x" + chain.head_hash().hex()})[2:])


def test_every_question_gets_the_contracts_own_answer(chain):
    collection = chain.new_collection()
    tokens = chain.mint(collection, *chain.people[:5])
    ask = [(collection, abi.encode_call("TicketCollection", "ticket", [token])) for token in tokens]
    ask.append((collection, abi.encode_call("TicketCollection", "royaltyInfo", [0, 10_000])))
    ask.append((chain.factory, abi.encode_call("CollectionFactory", "isDeployer", [chain.people[1]])))
    words = multicall.answers(call(chain, None, multicall.question(ask)), len(ask))
    assert words == [multicall.word_of(call(chain, to, data)) for to, data in ask]


def test_a_revert_and_an_empty_address_are_told_apart(chain):
    collection = chain.new_collection()
    ask = [
        (collection, abi.encode_call("TicketCollection", "ticket", [12345])),
        (bytes(19) + b"\7", b""),
        (b"\x11" * 20, b"\1\2\3\4"),
    ]
    reverted, _, empty = multicall.answers(call(chain, None, multicall.question(ask)), 3)
    assert reverted == multicall.REVERTED == multicall.word_of(None)
    assert empty == multicall.word_of(b"")


def test_as_many_as_fit_are_answered_in_order(chain):
    collection = chain.new_collection()
    chain.mint(collection, *(chain.people[n % 10] for n in range(300)))
    ask = [(collection, abi.encode_call("TicketCollection", "ticket", [(1 << 16) | (n % 300)])) for n in range(500)]
    words = multicall.answers(call(chain, None, multicall.question(ask)), 500)
    assert len(set(words)) == 10  # of each of ten owners the same word
    assert words[:300][:200] == words[300:]


def test_a_first_answer_that_begins_as_no_code_may_is_an_answer_all_the_same(chain):
    identity = (4).to_bytes(20)  # the precompile that returns what it was given
    candidates = (n.to_bytes(multicall.DATA_BYTES) for n in range(100_000))
    data = next(one for one in candidates if multicall.word_of(one)[0] == 0xEF)
    [word] = multicall.answers(call(chain, None, multicall.question([(identity, data)])), 1)
    assert word == multicall.word_of(data)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="at most"):
        multicall.question([(bytes(20), b"")] * 501)
    with pytest.raises(ValueError, match="at most"):
        multicall.question([(bytes(20), bytes(69))])
    with pytest.raises(ValueError, match="were answered"):
        multicall.answers(bytes(33), 2)
    with pytest.raises(ValueError, match="were answered"):
        multicall.answers(b"\1" + bytes(32), 1)


def test_an_answer_that_was_not_expected_is_found_with_both_answers(chain):
    collection = chain.new_collection()
    data = abi.encode_call("TicketCollection", "minter")
    word = chain.people[0].rjust(32, b"\0")
    right = Expectation("minter", collection, data, word)
    wrong = Expectation("minter", collection, data, chain.people[1].rjust(32, b"\0"))
    gone = Expectation("minter", collection, data, None)
    outcome = asking.compare([right, wrong, gone], lambda to, data: call(chain, to, data))
    assert outcome.compared == 3
    assert outcome.findings == [
        f"minter: the index has 0x{chain.people[1].hex()}, the contract answers 0x{chain.people[0].hex()}",
        f"minter: the index has a revert, the contract answers 0x{chain.people[0].hex()}",
    ]
