"""Several RPC endpoints of one network: who is asked, who takes over, who is left alone."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from eth_account import Account

from backend.chain.endpoints import Condition
from backend.chain.evm import pool, wire
from backend.chain.evm.client import EvmChain
from backend.chain.evm.health import Health, newest_of
from backend.chain.evm.signers import LocalSigner
from backend.chain.port import AlreadyKnown, ChainUnreachable, NonceTooLow, WrongChain
from scripts.machine.anvil import Anvil
from tests.simulators.rpc import Fault, RpcProxy, faults, running

SOMEBODY = bytes.fromhex("aa" * 20)
SIGNER = LocalSigner(Account.from_key("0x" + "11" * 32))


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(wire, "_READ_SECONDS", 0.3)
    monkeypatch.setattr(wire, "_WHOLE_SECONDS", 0.4)


@pytest.fixture
def first(anvil: Anvil) -> Iterator[RpcProxy]:
    with running(anvil.url) as proxy:
        yield proxy


@pytest.fixture
def second(anvil: Anvil) -> Iterator[RpcProxy]:
    with running(anvil.url) as proxy:
        yield proxy


@pytest.fixture
def chain(first: RpcProxy, second: RpcProxy) -> EvmChain:
    return EvmChain(31337, [first.url, second.url])


def _seen(chain: EvmChain) -> Condition:
    chain.survey()
    return chain.condition("eip155:31337")


def _signed(nonce: int = 0) -> bytes:
    fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
    return SIGNER.sign_transaction(
        {"chainId": 31337, "nonce": nonce, "gas": 21000, **fees, "to": SOMEBODY, "value": 1, "data": b""}
    )


def test_the_first_is_preferred_among_equals(chain: EvmChain, first: RpcProxy, second: RpcProxy) -> None:
    for _ in range(5):
        chain.balance(SOMEBODY)
    assert first.asked == ["eth_chainId"] + ["eth_getBalance"] * 5
    assert second.asked == []


@pytest.mark.parametrize(
    "fault",
    [
        faults.dead,
        faults.garbage,
        faults.nonsense,
        faults.failing(503),
        faults.failing(401),
        faults.limited(None),
        faults.limited_in_words,
        faults.slow(2),
        faults.trickling(),
    ],
    ids=["dead", "garbage", "nonsense", "503", "401", "429", "-32005", "slow", "slow loris"],
)
def test_another_takes_over(chain: EvmChain, first: RpcProxy, anvil: Anvil, fault: Fault) -> None:
    anvil.fund("0x" + SOMEBODY.hex(), 77)
    assert chain.balance(SOMEBODY) == 77
    first.fault = fault
    assert chain.balance(SOMEBODY) == 77


def test_nobody_answering_is_unreachable_and_no_key_is_told(
    chain: EvmChain, first: RpcProxy, second: RpcProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    first.fault, second.fault = faults.dead, faults.garbage
    with pytest.raises(ChainUnreachable) as refused:
        chain.balance(SOMEBODY)
    said = capsys.readouterr()
    assert "secret" not in str(refused.value) + str(refused.value.details) + said.out + said.err


def test_a_tired_one_is_asked_again_when_it_has_rested(chain: EvmChain, first: RpcProxy, second: RpcProxy) -> None:
    first.fault = faults.dead
    chain.balance(SOMEBODY)
    first.fault = None
    chain.balance(SOMEBODY)
    assert first.asked == ["eth_chainId"], "it failed a moment ago"
    later = chain.pool.now() + 300
    chain.pool.now = lambda: later
    asked = len(second.asked)
    chain.balance(SOMEBODY)
    assert first.asked == ["eth_chainId", "eth_chainId", "eth_getBalance"], "it shows its chain id anew"
    assert len(second.asked) == asked


def test_an_endpoint_of_another_chain_is_asked_nothing_but_its_chain_id(
    chain: EvmChain, first: RpcProxy, anvil: Anvil
) -> None:
    anvil.fund("0x" + SIGNER.address.hex(), 10**18)
    first.fault = faults.other_chain(56)
    for _ in range(3):
        chain.balance(SOMEBODY)
    chain.send_raw(_signed())
    assert first.asked == ["eth_chainId"]
    assert _seen(chain).endpoints[0].benched_for == "wrong_chain"


def test_one_that_comes_back_as_another_chain_is_found_out(chain: EvmChain, first: RpcProxy) -> None:
    chain.balance(SOMEBODY)
    first.fault = faults.dead
    chain.balance(SOMEBODY)
    first.fault = faults.other_chain(56)
    later = chain.pool.now() + 300
    chain.pool.now = lambda: later
    asked = len(first.asked)
    chain.balance(SOMEBODY)
    assert first.asked[asked:] == ["eth_chainId"]


def test_when_all_are_of_another_chain_nothing_is_read(chain: EvmChain, first: RpcProxy, second: RpcProxy) -> None:
    first.fault = second.fault = faults.other_chain(56)
    with pytest.raises(WrongChain):
        chain.balance(SOMEBODY)
    with pytest.raises(WrongChain):
        chain.send_raw(_signed())
    assert set(first.asked + second.asked) == {"eth_chainId"}


def test_a_limit_is_kept_to_and_the_others_take_over(chain: EvmChain, first: RpcProxy, second: RpcProxy) -> None:
    chain.balance(SOMEBODY)
    first.fault = faults.limited("60")
    for _ in range(4):
        chain.balance(SOMEBODY)
    assert first.asked == ["eth_chainId", "eth_getBalance", "eth_getBalance"], "not once more within the minute"
    first.fault = None
    later = chain.pool.now() + 61
    chain.pool.now = lambda: later
    chain.balance(SOMEBODY)
    assert len(first.asked) == 4


def test_when_all_are_limited_for_long_the_call_fails_at_once_and_nobody_is_asked(
    chain: EvmChain, first: RpcProxy, second: RpcProxy
) -> None:
    first.fault = second.fault = faults.limited("60")
    for _ in range(3):
        with pytest.raises(ChainUnreachable):
            chain.balance(SOMEBODY)
    assert (len(first.asked), len(second.asked)) == (1, 1)


def test_a_short_limit_of_all_is_waited_out(anvil: Anvil, first: RpcProxy) -> None:
    chain = EvmChain(31337, [first.url])
    chain.balance(SOMEBODY)
    answers = [faults.limited("0"), faults.limited_in_words]
    first.fault = lambda exchange: answers.pop(0)(exchange) if answers else exchange.forward()
    assert chain.balance(SOMEBODY) == 0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("99999", 300.0),
        ("soon", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(said: str | None, seconds: float | None) -> None:
    assert wire.retry_after(said, datetime(2026, 3, 1, 12, tzinfo=UTC)) == seconds


def test_bytes_whose_answer_got_lost_go_to_the_next_and_land_once(
    chain: EvmChain, first: RpcProxy, second: RpcProxy, anvil: Anvil
) -> None:
    anvil.fund("0x" + SIGNER.address.hex(), 10**18)
    first.fault = faults.lost_answer
    raw = _signed()
    with pytest.raises((AlreadyKnown, NonceTooLow)):
        chain.send_raw(raw)
    assert "eth_sendRawTransaction" in first.asked and "eth_sendRawTransaction" in second.asked
    assert EvmChain(31337, anvil.url).nonce(SIGNER.address) == 1


def test_bytes_one_endpoint_swallows_go_to_another_when_they_are_handed_over_again(
    chain: EvmChain, first: RpcProxy, anvil: Anvil
) -> None:
    anvil.fund("0x" + SIGNER.address.hex(), 10**18)
    first.fault = faults.swallowed
    raw = _signed()
    chain.send_raw(raw)
    assert chain.nonce(SIGNER.address) == 0
    chain.send_raw(raw)
    assert chain.nonce(SIGNER.address) == 1


def test_an_endpoint_that_names_other_bytes_than_it_was_given_has_not_taken_them(
    chain: EvmChain, first: RpcProxy, anvil: Anvil
) -> None:
    anvil.fund("0x" + SIGNER.address.hex(), 10**18)
    first.fault = lambda exchange: (
        {"result": "0x" + "11" * 32} if exchange.method == "eth_sendRawTransaction" else exchange.forward()
    )
    chain.send_raw(_signed())
    assert chain.nonce(SIGNER.address) == 1


def test_a_look_stays_with_one_endpoint_whose_head_is_not_behind(
    chain: EvmChain, first: RpcProxy, second: RpcProxy, anvil: Anvil
) -> None:
    anvil.mine(10)
    assert _seen(chain).endpoints[0].lag_blocks == 0
    first.fault = faults.stale(2)
    anvil.mine(1)
    asked = len(first.asked)
    with chain.look() as look:
        assert look.node.head().number == 11
        assert look.node.balance(SOMEBODY) == 0
    assert first.asked[asked:] == ["eth_getBlockByNumber"], "its head was seen to be old, nothing else was asked"


def test_a_look_fails_as_a_whole_and_the_next_goes_elsewhere(
    chain: EvmChain, first: RpcProxy, second: RpcProxy
) -> None:
    with chain.look() as look:
        look.node.head()
        first.fault = faults.dead
        asked = len(second.asked)
        with pytest.raises(ChainUnreachable):
            look.node.balance(SOMEBODY)
        assert len(second.asked) == asked, "answers of two nodes are not mixed"
    with chain.look() as look:
        assert look.node.balance(SOMEBODY) == 0


def test_errors_fade_and_latency_counts_only_when_it_is_noticed() -> None:
    health = Health()
    health.failed(100.0)
    assert health.score(None, 100.0) == 3
    assert health.score(None, 220.0) == 0
    quick, slow = Health(), Health()
    for _ in range(20):
        quick.answered(0.01, 100.0)
        slow.answered(2.0, 100.0)
    assert quick.score(None, 100.0) == 0 < slow.score(None, 100.0)


def test_one_endpoint_alone_does_not_say_what_is_newest_among_three() -> None:
    assert newest_of([10, 11, 1_000_000]) == 11
    assert newest_of([10, 12]) == 12
    assert newest_of([]) is None


def test_the_condition_names_hosts_and_no_keys(chain: EvmChain, first: RpcProxy) -> None:
    first.fault = faults.dead
    told = _seen(chain)
    assert "secret" not in str(told)
    assert told.endpoints[0].host.startswith("127.0.0.1:") and told.endpoints[0].errors > 0
    assert told.finality == "unconfirmed"
    assert wire.host_of("https://user:pass@rpc.example/v3/key?x=y") == "rpc.example"
