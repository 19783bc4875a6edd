"""Who signed: plain, contract and undeployed wallets, and every form of signature that is refused."""

import httpx
import pytest
from eth_abi.abi import encode

from backend.accounts.errors import BadSignature
from backend.accounts.proofs import digests, ecdsa
from backend.accounts.proofs.verify import (
    LONGEST_SIGNATURE,
    MAGIC_1271,
    MAGIC_6492,
    Proof,
    verify_message,
    verify_typed_data,
)
from backend.chain.evm.client import EvmChain
from tests.accounts.wallets import FACTORY_CODE, PlainChain, address_from, creation_code, wallet_code, wrap
from tests.factories.accounts import address_of, make_key, sign, sign_typed_data

OWNER, STRANGER = make_key(1), make_key(2)
WORDS = "let me in"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TYPED = {
    "types": {
        "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "chainId", "type": "uint256"}],
        "Admission": [{"name": "gate", "type": "string"}, {"name": "tokenId", "type": "uint256"}],
    },
    "primaryType": "Admission",
    "domain": {"name": "Backstage Door", "chainId": 31337},
    "message": {"gate": "north", "tokenId": 65536},
}


def refusal(address, signature, chain=None, words=WORDS):
    with pytest.raises(BadSignature) as refused:
        verify_message(address, words, signature, chain or PlainChain())
    return refused.value.details["reason"]


def test_a_plain_wallet_proves_its_message_and_its_typed_data():
    address = address_of(OWNER)
    assert verify_message(address, WORDS, sign(OWNER, WORDS), PlainChain()) is Proof.PLAIN
    assert verify_typed_data(address, TYPED, sign_typed_data(OWNER, TYPED), PlainChain()) is Proof.PLAIN


def test_another_signer_other_words_or_other_data_prove_nothing():
    address = address_of(OWNER)
    assert refusal(address, sign(STRANGER, WORDS)) == "other_signer"
    assert refusal(address, sign(OWNER, "let me out")) == "other_signer"
    elsewhere = {**TYPED, "domain": {**TYPED["domain"], "chainId": 56}}
    with pytest.raises(BadSignature):
        verify_typed_data(address, TYPED, sign_typed_data(OWNER, elsewhere), PlainChain())


def test_the_mirrored_signature_with_a_high_s_is_refused():
    good = sign(OWNER, WORDS)
    mirrored = good[:32] + (ORDER - int.from_bytes(good[32:64])).to_bytes(32) + bytes([55 - good[64]])
    assert refusal(address_of(OWNER), mirrored) == "high_s"


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 35, 255])
def test_a_recovery_id_other_than_27_or_28_is_refused(v):
    assert refusal(address_of(OWNER), sign(OWNER, WORDS)[:64] + bytes([v])) == "recovery_id"


@pytest.mark.parametrize("length", [0, 1, 64, 66, 130])
def test_a_signature_of_another_length_is_refused(length):
    assert refusal(address_of(OWNER), (sign(OWNER, WORDS) * 2)[:length]) == "length"


def test_values_outside_the_curve_order_are_refused():
    good = sign(OWNER, WORDS)
    zero, order = bytes(32), ORDER.to_bytes(32)
    for forged in (zero + good[32:], good[:32] + zero + good[64:], order + good[32:], good[:32] + order + good[64:]):
        assert refusal(address_of(OWNER), forged) == "range"


def test_an_r_that_is_no_point_recovers_to_nobody():
    digest, good = digests.of_message(WORDS), sign(OWNER, WORDS)
    reasons = set()
    for r in range(1, 40):
        try:
            ecdsa.recover(digest, r.to_bytes(32) + good[32:])
        except BadSignature as refused:
            reasons.add(refused.details["reason"])
    assert reasons == {"unrecoverable"}


def test_the_zero_address_signs_nothing():
    assert refusal(bytes(20), sign(OWNER, WORDS)) == "zero_address"


def test_an_oversized_signature_is_refused_before_anybody_is_asked():
    chain = PlainChain()
    assert refusal(address_of(OWNER), bytes(LONGEST_SIGNATURE + 1), chain) == "length"
    assert chain.asked == 0


def test_a_contract_that_answers_more_or_less_than_the_magic_word_proves_nothing():
    address = address_of(OWNER)
    padded = MAGIC_1271.ljust(32, b"\0")
    for answer in (b"", MAGIC_1271, padded + bytes(32), b"\x01".rjust(32, b"\0"), MAGIC_1271.ljust(32, b"\xff")):
        chain = PlainChain({address: b"\x60"}, {address: answer})
        assert refusal(address, sign(OWNER, WORDS), chain) == "refused_by_wallet", answer
    chain = PlainChain({address: b"\x60"}, {address: padded})
    assert verify_message(address, WORDS, b"any bytes", chain) is Proof.CONTRACT


def test_a_wrapped_signature_is_never_read_as_a_plain_one():
    address = address_of(OWNER)
    assert refusal(address, sign(OWNER, WORDS) + MAGIC_6492) == "malformed_wrapper"
    assert refusal(address, wrap(bytes(19) + b"\x01", b"", sign(OWNER, WORDS))) == "undeployed"


# ---- on a real EVM


@pytest.fixture(scope="module")
def evm(shared_anvil):
    return EvmChain(31337, shared_anvil.url)


@pytest.fixture(scope="module")
def put_code(shared_anvil):
    def put(address, code):
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "anvil_setCode",
            "params": ["0x" + address.hex(), "0x" + code.hex()],
        }
        assert "error" not in httpx.post(shared_anvil.url, json=body).json()

    return put


def test_a_contract_wallet_vouches_for_its_owner_and_for_nobody_else(evm, put_code):
    wallet = bytes.fromhex("aa" * 20)
    put_code(wallet, wallet_code(address_of(OWNER)))
    assert verify_message(wallet, WORDS, sign(OWNER, WORDS), evm) is Proof.CONTRACT
    assert refusal(wallet, sign(STRANGER, WORDS), evm) == "refused_by_wallet"
    assert refusal(wallet, b"", evm) == "refused_by_wallet"


def test_a_contract_that_reverts_proves_nothing(evm, put_code):
    contract = bytes.fromhex("ab" * 20)
    put_code(contract, bytes.fromhex("60006000fd"))
    assert refusal(contract, sign(OWNER, WORDS), evm) == "refused_by_wallet"


def test_a_delegated_account_is_proved_by_its_code_or_by_its_own_key(evm, put_code):
    delegate = bytes.fromhex("ac" * 20)
    put_code(delegate, wallet_code(address_of(STRANGER)))
    account = address_of(OWNER)
    put_code(account, bytes.fromhex("ef0100") + delegate)
    try:
        assert verify_message(account, WORDS, sign(STRANGER, WORDS), evm) is Proof.CONTRACT
        assert verify_message(account, WORDS, sign(OWNER, WORDS), evm) is Proof.PLAIN
        assert refusal(account, sign(make_key(3), WORDS), evm) == "other_signer"
    finally:
        put_code(account, b"")


def test_a_wallet_that_is_not_deployed_yet_is_proved_through_its_factory(evm, put_code):
    factory = bytes.fromhex("ad" * 20)
    put_code(factory, FACTORY_CODE)
    creation = creation_code(wallet_code(address_of(OWNER)))
    wallet = address_from(factory, creation)
    good = wrap(factory, creation, sign(OWNER, WORDS))

    assert evm.code_at(wallet) == b""
    assert verify_message(wallet, WORDS, good, evm) is Proof.UNDEPLOYED
    assert evm.code_at(wallet) == b"", "proving must change nothing"

    # Another signer, another wallet's address, another factory's call, and the signature without its wrapper.
    assert refusal(wallet, wrap(factory, creation, sign(STRANGER, WORDS)), evm) == "undeployed"
    assert refusal(bytes.fromhex("ae" * 20), good, evm) == "undeployed"
    theirs = creation_code(wallet_code(address_of(STRANGER)))
    assert refusal(wallet, wrap(factory, theirs, sign(STRANGER, WORDS)), evm) == "undeployed"
    assert refusal(wallet, sign(OWNER, WORDS), evm) == "other_signer"
    # A plain wallet cannot be taken over by wrapping somebody else's signature.
    assert refusal(address_of(OWNER), wrap(factory, theirs, sign(STRANGER, WORDS)), evm) == "undeployed"


def test_a_wrapped_signature_still_holds_once_the_wallet_is_deployed(evm, put_code):
    factory, runtime = bytes.fromhex("af" * 20), wallet_code(address_of(OWNER))
    put_code(factory, FACTORY_CODE)
    wallet = address_from(factory, creation_code(runtime))
    put_code(wallet, runtime)
    assert (
        verify_message(wallet, WORDS, wrap(factory, creation_code(runtime), sign(OWNER, WORDS)), evm) is Proof.CONTRACT
    )
    refused = wrap(factory, creation_code(runtime), sign(STRANGER, WORDS))
    assert refusal(wallet, refused, evm) == "refused_by_wallet"


def test_a_factory_that_fails_does_not_hide_a_wallet_that_is_there(evm, put_code):
    """ERC-6492: preparing may fail because somebody else did it a moment ago; the wallet's answer decides."""
    wallet, broken = bytes.fromhex("b0" * 20), bytes.fromhex("b1" * 20)
    put_code(wallet, wallet_code(address_of(OWNER)))
    put_code(broken, bytes.fromhex("60006000fd"))
    inner = encode(["address", "bytes", "bytes"], ["0x" + broken.hex(), b"\x01", sign(OWNER, WORDS)])
    assert verify_message(wallet, WORDS, inner + MAGIC_6492, evm) is Proof.CONTRACT
