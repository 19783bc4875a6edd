"""What every ChainPort does, asked of the fake and of a real node alike."""

import pytest

from backend.chain.port import AlreadyKnown, CallReverted, FeeTooLow, InsufficientFunds, NonceTooLow, Signer
from tests.factories.chain import COUNTER, OUT_OF_ORDER, PAUSED, Lab, land


def _signed(lab: Lab, nonce: int, number: int, tip: int = 10**9, data: bytes | None = None) -> bytes:
    signer: Signer = lab.signer
    return signer.sign_transaction(
        {
            "chainId": 31337,
            "nonce": nonce,
            "gas": 100_000,
            "maxFeePerGas": 20 * 10**9 + tip,
            "maxPriorityFeePerGas": tip,
            "to": COUNTER,
            "value": 0,
            "data": land(number) if data is None else data,
        }
    )


def test_a_transaction_is_known_first_and_has_a_receipt_once_it_is_mined(lab: Lab) -> None:
    raw = _signed(lab, 0, 1)
    tx_hash = lab.port.send_raw(raw)
    assert tx_hash == lab.signer.hash_of(raw)
    assert lab.port.transaction_known(tx_hash) and lab.port.receipt(tx_hash) is None
    waiting = lab.port.transaction(tx_hash)
    assert waiting is not None and lab.port.transaction(bytes(32)) is None
    assert (waiting.sender, waiting.to, waiting.nonce) == (lab.signer.address, COUNTER, 0)
    assert (waiting.value, waiting.data) == (0, land(1))
    lab.mine()
    assert lab.port.transaction(tx_hash) == waiting
    receipt = lab.port.receipt(tx_hash)
    assert receipt is not None and receipt.succeeded and receipt.tx_hash == tx_hash
    assert [log.topics for log in receipt.logs] == [((1).to_bytes(32),)]
    assert receipt.logs[0].address == COUNTER
    block = lab.port.block(receipt.block_number)
    assert block is not None and block.hash == receipt.block_hash
    assert lab.port.block(block.hash) == block


def test_a_call_that_reverts_brings_the_contracts_own_error(lab: Lab) -> None:
    with pytest.raises(CallReverted) as refused:
        lab.port.call(COUNTER, land(5))
    assert refused.value.data == OUT_OF_ORDER + (1).to_bytes(32) + (5).to_bytes(32)
    with pytest.raises(CallReverted) as refused:
        lab.port.estimate_gas(lab.signer.address, COUNTER, land(5))
    assert refused.value.data.startswith(OUT_OF_ORDER)
    lab.pause()
    with pytest.raises(CallReverted) as refused:
        lab.port.call(COUNTER, land(1))
    assert refused.value.data == PAUSED


def test_gas_is_estimated_on_top_of_what_is_pending(lab: Lab) -> None:
    lab.port.send_raw(_signed(lab, 0, 1))
    assert lab.port.estimate_gas(lab.signer.address, COUNTER, land(2)) > 0
    with pytest.raises(CallReverted):
        lab.port.estimate_gas(lab.signer.address, COUNTER, land(2), block="latest")


def test_the_same_bytes_twice_are_already_known_and_after_mining_their_nonce_is_too_low(lab: Lab) -> None:
    raw = _signed(lab, 0, 1)
    lab.port.send_raw(raw)
    with pytest.raises(AlreadyKnown):
        lab.port.send_raw(raw)
    lab.mine()
    with pytest.raises(NonceTooLow):
        lab.port.send_raw(raw)


def test_a_replacement_with_a_lower_offer_is_refused_and_a_higher_one_taken(lab: Lab) -> None:
    lab.port.send_raw(_signed(lab, 0, 1, tip=8 * 10**9))
    with pytest.raises(FeeTooLow):
        lab.port.send_raw(_signed(lab, 0, 1, tip=7 * 10**9))
    better = lab.port.send_raw(_signed(lab, 0, 1, tip=20 * 10**9))
    lab.mine()
    assert lab.port.receipt(better) is not None


def test_an_empty_wallet_cannot_send(lab: Lab) -> None:
    lab.fund(1)
    with pytest.raises(InsufficientFunds):
        lab.port.send_raw(_signed(lab, 0, 1))


def test_nonces_are_counted_by_block_and_on_top_of_the_pool(lab: Lab) -> None:
    who = lab.signer.address
    lab.port.send_raw(_signed(lab, 0, 1))
    assert (lab.port.nonce(who), lab.port.nonce(who, "pending")) == (0, 1)
    lab.mine()
    assert (lab.port.nonce(who), lab.port.nonce(who, "finalized")) == (1, 0)
    lab.mine(2)
    assert lab.port.nonce(who, "finalized") == 1


def test_final_lies_two_blocks_behind_the_head(lab: Lab) -> None:
    lab.mine(5)
    assert lab.port.head().number - lab.port.finalized().number == 2


def test_a_reorg_takes_receipts_away_and_does_not_give_the_transactions_back_to_the_pool(lab: Lab) -> None:
    lab.mine(3)
    tx_hash = lab.port.send_raw(_signed(lab, 0, 1))
    lab.mine()
    before = lab.port.head()
    lab.reorg(1)
    assert lab.port.receipt(tx_hash) is None
    assert not lab.port.transaction_known(tx_hash)
    assert lab.port.nonce(lab.signer.address) == 0 and lab.landed() == 0
    there = lab.port.block(before.number)
    assert there is not None and there.hash != before.hash
    assert lab.port.block(before.hash) is None


def test_code_tells_a_contract_from_a_wallet(lab: Lab) -> None:
    assert lab.port.code_at(COUNTER) != b""
    assert lab.port.code_at(lab.signer.address) == b""
