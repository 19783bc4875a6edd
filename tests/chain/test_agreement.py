"""Nothing is final on one endpoint's word, and one that lies is left alone."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from eth_account import Account

from backend.chain.endpoints import Condition, Finality
from backend.chain.evm import pool, wire
from backend.chain.evm.agreement import Disagreement
from backend.chain.evm.client import EvmChain
from backend.chain.evm.looks import FinalityUnconfirmed
from backend.chain.evm.signers import LocalSigner
from backend.chain.port import CallReverted, ChainUnreachable
from scripts.machine import testbed
from scripts.machine.anvil import Anvil, rpc
from tests.simulators.rpc import Fault, RpcProxy, faults, running
from tests.simulators.rpc.proxy import Exchange

SIGNER = LocalSigner(Account.from_key("0x" + "11" * 32))
GENESIS = 0


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(wire, "_READ_SECONDS", 1.0)


@pytest.fixture
def three(anvil: Anvil) -> Iterator[list[RpcProxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running(anvil.url)) for _ in range(3)]


@pytest.fixture
def other_branch() -> Iterator[Anvil]:
    """A node of the same chain id with blocks of its own."""
    with testbed.anvil() as node:
        node.fund("0x" + "bb" * 20, 1)
        node.mine(30)
        yield node


def _chain(*endpoints: RpcProxy | Anvil) -> EvmChain:
    return EvmChain(31337, [endpoint.url for endpoint in endpoints])


def _seen(chain: EvmChain) -> Condition:
    chain.survey()
    return chain.condition("eip155:31337")


def _benched(chain: EvmChain) -> list[str | None]:
    now = chain.pool.now()
    return [endpoint.health.reason(now) for endpoint in chain.pool.endpoints]


def _transfer(anvil: Anvil, chain: EvmChain) -> bytes:
    anvil.fund("0x" + SIGNER.address.hex(), 10**18)
    transaction = {"chainId": 31337, "nonce": 0, "gas": 21000, "to": bytes(20), "value": 1, "data": b""}
    raw = SIGNER.sign_transaction({**transaction, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9})
    return chain.send_raw(raw)


def test_two_that_say_the_same_make_a_block_final(anvil: Anvil, three: list[RpcProxy]) -> None:
    anvil.mine(10)
    chain = _chain(*three[:2])
    assert chain.finalized().number == 8
    assert _seen(chain).finality is Finality.AGREED


def test_one_endpoint_alone_is_trusted_and_that_is_said(anvil: Anvil) -> None:
    anvil.mine(10)
    chain = _chain(anvil)
    assert chain.finalized().number == 8
    assert _seen(chain).finality is Finality.TRUSTED


def test_without_a_second_voice_nothing_becomes_final_and_it_does_again_later(
    anvil: Anvil, three: list[RpcProxy]
) -> None:
    anvil.mine(10)
    chain = _chain(*three[:2])
    three[1].fault = faults.dead
    assert chain.finalized().number == GENESIS
    assert chain.nonce(SIGNER.address, "finalized") == 0
    with pytest.raises(ChainUnreachable):
        chain.code_at(bytes(20), "finalized")
    assert _seen(chain).finality is Finality.UNCONFIRMED
    three[1].fault = None
    assert chain.finalized().number == 8
    assert _seen(chain).finality is Finality.AGREED


def test_the_lower_of_two_final_blocks_counts(anvil: Anvil, three: list[RpcProxy]) -> None:
    anvil.mine(10)
    chain = _chain(*three[:2])
    three[1].fault = lambda exchange: (
        exchange.params.__setitem__(0, "0x5") if "finalized" in exchange.params else None,
        exchange.forward(),
    )[1]
    assert chain.finalized().number == 5


def test_two_branches_are_nobodys_final_block(anvil: Anvil, three: list[RpcProxy], other_branch: Anvil) -> None:
    anvil.mine(30)
    chain = _chain(three[0], other_branch)
    assert chain.finalized().number == GENESIS
    assert _seen(chain).finality is Finality.UNCONFIRMED
    assert _benched(chain) == [None, None], "nobody knows which of the two is wrong"


@pytest.mark.parametrize("liar", [0, 1, 2])
def test_the_one_against_two_is_benched_by_name(
    anvil: Anvil, three: list[RpcProxy], other_branch: Anvil, liar: int
) -> None:
    anvil.mine(30)
    endpoints: list[RpcProxy | Anvil] = [*three[:2]]
    endpoints.insert(liar, other_branch)
    chain = _chain(*endpoints)
    final = chain.finalized()
    block = EvmChain(31337, anvil.url).block(final.number)
    assert final.number == 28 and block is not None and block.hash == final.hash
    # The third is not even asked when the first two agree.
    assert _benched(chain) == ["other_hash" if place == liar and liar < 2 else None for place in range(3)]


def test_a_final_block_ahead_of_the_head_is_a_lie(anvil: Anvil, three: list[RpcProxy]) -> None:
    anvil.mine(10)
    chain = _chain(*three)
    three[0].fault = faults.forged_block("finalized", number=lambda _: hex(1000), hash=lambda _: "0x" + "66" * 32)
    assert chain.finalized().number == 8
    assert _benched(chain) == ["final_ahead_of_head", None, None]
    asked = len(three[0].asked)
    chain.finalized()
    assert len(three[0].asked) == asked


def test_a_receipt_of_a_block_that_does_not_exist_is_a_lie(anvil: Anvil, three: list[RpcProxy]) -> None:
    anvil.mine(10)
    chain = _chain(*three)
    three[0].fault = faults.forged_receipts(blockNumber="0x7", blockHash="0x" + "66" * 32)
    assert chain.receipt(bytes(32)) is None
    assert _benched(chain) == ["receipt_of_no_block", None, None]


def test_a_receipt_nobody_else_has_is_never_that_of_a_final_block(anvil: Anvil, three: list[RpcProxy]) -> None:
    anvil.mine(10)
    block = EvmChain(31337, anvil.url).block(7)
    assert block is not None
    forged = faults.forged_receipts(blockNumber="0x7", blockHash="0x" + block.hash.hex())
    three[0].fault = forged
    pair = _chain(*three[:2])
    with pytest.raises(Disagreement):
        pair.receipt(bytes(32))
    chain = _chain(*three)
    assert chain.receipt(bytes(32)) is None
    assert _benched(chain) == ["other_content_of_final_block", None, None]


def test_a_final_receipt_no_second_endpoint_can_be_asked_about_is_not_told(anvil: Anvil, three: list[RpcProxy]) -> None:
    chain = _chain(*three[:2])
    tx_hash = _transfer(anvil, chain)
    three[1].fault = lambda exchange: (
        faults.dead(exchange) if exchange.method == "eth_getTransactionReceipt" else exchange.forward()
    )
    assert chain.receipt(tx_hash) is not None, "its block is not final yet"
    anvil.mine(5)
    with pytest.raises(FinalityUnconfirmed):
        chain.receipt(tx_hash)


def test_a_true_receipt_and_transaction_pass(anvil: Anvil, three: list[RpcProxy]) -> None:
    chain = _chain(*three[:2])
    tx_hash = _transfer(anvil, chain)
    anvil.mine(5)
    receipt, sent = chain.receipt(tx_hash), chain.transaction(tx_hash)
    assert receipt is not None and receipt.succeeded and receipt.tx_hash == tx_hash
    assert sent is not None and sent.sender == SIGNER.address
    assert chain.nonce(SIGNER.address, "finalized") == 1


def test_a_final_nonce_is_the_lower_of_two(anvil: Anvil, three: list[RpcProxy]) -> None:
    chain = _chain(*three[:2])
    anvil.mine(10)
    three[0].fault = lambda exchange: (
        {"result": "0x9"} if exchange.method == "eth_getTransactionCount" else exchange.forward()
    )
    assert chain.nonce(SIGNER.address, "finalized") == 0


ORACLE = bytes.fromhex("0a" * 20)


def _answering(answer: str) -> Fault:
    """A node that makes up what the oracle says."""

    def fault(exchange: Exchange) -> Any:
        if exchange.method in {"eth_call", "eth_getCode"}:
            return {"result": answer}
        return exchange.forward()

    return fault


def _refusing(exchange: Exchange) -> Any:
    """A node where every call reverts, in words of its own."""
    if exchange.method == "eth_call":
        return {"error": {"code": 3, "message": "execution reverted", "data": "0x" + "de" * 4}}
    return exchange.forward()


@pytest.fixture
def oracle(anvil: Anvil) -> None:
    """Answers 7, whatever it is asked."""
    rpc(anvil.url, "anvil_setCode", "0x" + ORACLE.hex(), "0x600760005260206000f3")
    anvil.mine(10)


@pytest.mark.usefixtures("oracle")
def test_an_answer_about_the_final_block_is_that_of_two(three: list[RpcProxy]) -> None:
    asked: list[Any] = []

    def heard(exchange: Exchange) -> Any:
        if exchange.method in {"eth_call", "eth_getCode"}:
            asked.append((exchange.method, exchange.params[-1]))
        return exchange.forward()

    three[0].fault = three[1].fault = heard
    chain = _chain(*three[:2])
    assert chain.call(ORACLE, b"", "finalized") == (7).to_bytes(32)
    assert chain.code_at(ORACLE, "finalized") == EvmChain(31337, three[2].url).code_at(ORACLE)
    with chain.look() as look:
        final = look.node.finalized()
        assert look.node.call(ORACLE, b"", final.hash) == (7).to_bytes(32)
    at = {"blockHash": "0x" + final.hash.hex()}
    assert asked == [("eth_call", at)] * 2 + [("eth_getCode", at)] * 2 + [("eth_call", at)] * 2


@pytest.mark.usefixtures("oracle")
@pytest.mark.parametrize("fault", [_answering("0x" + "01".zfill(64)), _refusing], ids=["another answer", "a refusal"])
def test_one_answer_against_another_is_none_and_of_three_the_liar_is_benched(
    three: list[RpcProxy], fault: Fault
) -> None:
    three[0].fault = fault
    pair = _chain(*three[:2])
    with pytest.raises(Disagreement):
        pair.call(ORACLE, b"", "finalized")
    chain = _chain(*three)
    assert chain.call(ORACLE, b"", "finalized") == (7).to_bytes(32)
    assert _benched(chain) == ["other_content_of_final_block", None, None]


@pytest.mark.usefixtures("oracle")
def test_two_that_refuse_agree_whatever_their_words(three: list[RpcProxy]) -> None:
    three[0].fault = _refusing
    three[1].fault = lambda exchange: (
        {"error": {"code": -32000, "message": "execution reverted"}}
        if exchange.method == "eth_call"
        else exchange.forward()
    )
    with pytest.raises(CallReverted) as refused:
        _chain(*three[:2]).call(ORACLE, b"", "finalized")
    assert refused.value.data == bytes.fromhex("de" * 4)


@pytest.mark.usefixtures("oracle")
def test_without_a_second_voice_a_final_answer_is_not_told(three: list[RpcProxy]) -> None:
    three[1].fault = lambda exchange: (
        faults.dead(exchange) if exchange.method in {"eth_call", "eth_getCode"} else exchange.forward()
    )
    chain = _chain(*three[:2])
    with pytest.raises(FinalityUnconfirmed):
        chain.call(ORACLE, b"", "finalized")
    with pytest.raises(FinalityUnconfirmed):
        chain.code_at(ORACLE, "finalized")
    assert _chain(three[0]).call(ORACLE, b"", "finalized") == (7).to_bytes(32), "one alone is trusted"
