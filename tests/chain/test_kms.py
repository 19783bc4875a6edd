"""A key in a key service: what it signs is what a keystore would sign, and nothing else is ever used."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from Crypto.Util.asn1 import DerBitString, DerObjectId, DerSequence
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes

from backend.chain import rules, typed_data
from backend.chain.evm import aws_kms, der, kms
from backend.chain.evm.signers import LocalSigner, open_signer
from backend.chain.models import AttemptStatus
from backend.settings import Settings
from scripts.machine.anvil import Anvil
from tests.factories import chain as chains
from tests.simulators.kms.service import ORDER, KeyStore, Planned, Refusal, serving, sign, spki, turned

SECRET = bytes.fromhex("11" * 32)
OTHER = bytes.fromhex("22" * 32)
KEY = "alias/minter"
ACCOUNT = Account.from_key(SECRET)
TRANSACTION = {
    "chainId": 31337,
    "nonce": 0,
    "gas": 21_000,
    "maxFeePerGas": 3 * 10**9,
    "maxPriorityFeePerGas": 10**9,
    "to": b"\x07" * 20,
    "value": 0,
    "data": b"",
}
DOCUMENT = typed_data.document(
    name="Door",
    version="1",
    chain_id=31337,
    verifying_contract=b"\x01" * 20,
    types={"Admission": [("holder", "address")]},
    primary_type="Admission",
    message={"holder": b"\x02" * 20},
)


def decoded(raw: bytes) -> dict[str, Any]:
    """The fields of a signed transaction, as eth-account reads them."""
    return dict(TypedTransaction.from_bytes(HexBytes(raw)).as_dict())


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyStore]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTESTS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(aws_kms, "_READ_SECONDS", 1)
    with serving(KeyStore({KEY: SECRET})) as store:
        yield store


def settings(service: KeyStore, **more: object) -> Settings:
    return Settings(minter_kms_key=KEY, minter_key=None, kms_region="eu-north-1", kms_endpoint_url=service.url, **more)


@pytest.fixture
def signer(service: KeyStore) -> kms.KmsSigner:
    opened = open_signer("minter", settings(service))
    assert isinstance(opened, kms.KmsSigner)
    return opened


def test_the_address_is_that_of_the_key(signer) -> None:
    assert signer.address == LocalSigner(ACCOUNT).address
    assert SECRET.hex() not in repr(signer)


@pytest.mark.parametrize("high", [True, False])
@pytest.mark.parametrize("changes", [{}, {"nonce": 7, "value": 10**18, "data": b"\x00" * 300}])
def test_transactions_are_signed_with_a_low_s_whatever_the_service_returns(service, signer, high, changes) -> None:
    service.plan("Sign", Planned(twist=lambda answer: turned(answer, high=high)))
    raw = signer.sign_transaction({**TRANSACTION, **changes})
    assert Account.recover_transaction(raw) == ACCOUNT.address
    fields = decoded(raw)
    assert fields["s"] <= ORDER // 2
    assert {name: fields[name] for name in TRANSACTION} == {**TRANSACTION, **changes}


def test_the_bytes_are_those_of_a_keystore_when_the_randomness_is(service, signer) -> None:
    """The same r and s give the same bytes: our encoding is eth-account's."""
    expected = LocalSigner(ACCOUNT).sign_transaction(TRANSACTION)
    fields = decoded(expected)
    service.plan("Sign", Planned(twist=lambda _: DerSequence([fields["r"], fields["s"]]).encode()))
    assert signer.sign_transaction(TRANSACTION) == expected
    assert signer.hash_of(expected) == LocalSigner(ACCOUNT).hash_of(expected)


@pytest.mark.parametrize("high", [True, False])
def test_typed_data_is_signed_as_a_wallet_would(service, signer, high) -> None:
    service.plan("Sign", Planned(twist=lambda answer: turned(answer, high=high)))
    signature = signer.sign_typed_data(DOCUMENT)
    words = encode_typed_data(full_message=dict(DOCUMENT))
    assert Account.recover_message(words, signature=signature) == ACCOUNT.address
    assert len(signature) == 65 and signature[64] in {27, 28} and int.from_bytes(signature[32:64]) <= ORDER // 2


def test_many_signatures_recover_to_the_key(signer) -> None:
    for nonce in range(40):
        assert Account.recover_transaction(signer.sign_transaction({**TRANSACTION, "nonce": nonce})) == ACCOUNT.address


def test_another_keys_signature_is_refused(service, signer) -> None:
    service.secrets[KEY] = OTHER  # the alias was moved
    with pytest.raises(kms.SignatureRefused):
        signer.sign_transaction(TRANSACTION)


def test_a_signature_over_another_digest_is_refused(service, signer) -> None:
    service.plan("Sign", Planned(twist=lambda _: sign(SECRET, b"\x05" * 32)))
    with pytest.raises(kms.SignatureRefused):
        signer.sign_typed_data(DOCUMENT)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"nonsense",
        DerSequence([1]).encode(),
        DerSequence([1, 2, 3]).encode(),
        DerSequence([0, 5]).encode(),
        DerSequence([5, 0]).encode(),
        DerSequence([5, -5]).encode(),
        DerSequence([ORDER, 5]).encode(),
        DerSequence([5, ORDER]).encode(),
        DerSequence([5, 5]).encode() + b"\x00",
        b"\x30\x07\x02\x02\x00\x05\x02\x01\x05",  # five with a zero before it: not DER
        b"\x30\x81\x06\x02\x01\x05\x02\x01\x05",  # a length in two bytes where one does: not DER
    ],
)
def test_a_bad_signature_is_refused(service, signer, answer) -> None:
    with pytest.raises(der.BadDer):
        der.signature(answer)
    service.plan("Sign", Planned(twist=lambda _: answer))
    with pytest.raises(kms.SignatureRefused):
        signer.sign_transaction(TRANSACTION)


def _spki(kind: str = "1.2.840.10045.2.1", curve: str = "1.3.132.0.10", point: bytes | None = None) -> bytes:
    point = b"\x04" + b"\x01" * 64 if point is None else point
    return DerSequence([DerSequence([DerObjectId(kind), DerObjectId(curve)]), DerBitString(point)]).encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        spki(SECRET)[:-1],
        spki(SECRET) + b"\x00",
        _spki(),  # no point of the curve
        _spki(curve="1.2.840.10045.3.1.7", point=spki(SECRET)[-65:]),  # P-256
        _spki(kind="1.2.840.113549.1.1.1", point=spki(SECRET)[-65:]),  # RSA
        _spki(point=b"\x02" + spki(SECRET)[-64:-32]),  # compressed
        _spki(point=b""),
    ],
)
def test_a_bad_public_key_is_refused(answer) -> None:
    class Given:
        def public_key(self) -> bytes:
            return answer

        def sign(self, digest: bytes) -> bytes:
            return sign(SECRET, digest)

    with pytest.raises(kms.SignatureRefused):
        kms.KmsSigner(Given())


@pytest.mark.parametrize(("name", "value"), [("kind", "ECC_NIST_P256"), ("use", "KEY_AGREEMENT")])
def test_a_key_of_another_kind_is_refused(service, name, value) -> None:
    setattr(service, name, value)
    with pytest.raises(kms.KeyServiceRefused):
        open_signer("minter", settings(service))


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Refusal(400, "ThrottlingException"), kms.KeyServiceBusy),
        (Refusal(500, "KMSInternalException"), kms.KeyServiceBusy),
        (Refusal(503, ""), kms.KeyServiceBusy),
        (Refusal(400, "NotFoundException"), kms.KeyServiceRefused),
        (Refusal(400, "AccessDeniedException"), kms.KeyServiceRefused),
        (Refusal(400, "DisabledException"), kms.KeyServiceRefused),
    ],
)
def test_what_passes_is_told_from_what_stays(service, signer, refusal, kind) -> None:
    service.plan("Sign", *[Planned(refusal=refusal)] * 5)
    with pytest.raises(kind) as refused:
        signer.sign_transaction(TRANSACTION)
    assert SECRET.hex() not in str(refused.value.details)


def test_one_hiccup_is_tried_again(service, signer) -> None:
    service.plan("Sign", Planned(refusal=Refusal(500, "KMSInternalException")))
    assert Account.recover_transaction(signer.sign_transaction(TRANSACTION)) == ACCOUNT.address
    assert service.asked.count("Sign") == 2


def test_a_service_that_does_not_answer_in_time_is_busy(service, signer) -> None:
    service.plan("Sign", Planned(seconds=1.5), Planned(seconds=1.5))
    with pytest.raises(kms.KeyServiceBusy):
        signer.sign_transaction(TRANSACTION)


def test_nobody_listening_is_busy_and_nonsense_is_refused(service) -> None:
    with pytest.raises(kms.KeyServiceBusy):
        open_signer("minter", settings(KeyStore({}, url="http://127.0.0.1:1")))
    service.plan("GetPublicKey", Planned(body=b"<html>"))
    with pytest.raises(kms.KeyServiceRefused):
        open_signer("minter", settings(service))


def test_a_digest_has_32_bytes(service) -> None:
    with pytest.raises(ValueError):
        aws_kms.AwsKey(KEY, "eu-north-1", service.url).sign(b"short")
    assert service.asked == []


def test_a_send_is_signed_by_the_service_and_mined(anvil: Anvil, service, signer, session) -> None:
    lab = chains.AnvilLab(anvil)
    lab.signer = signer
    lab.fund(10**18)
    with chains.running(lab) as box:
        first = box.enqueue(1)
        service.plan("Sign", Planned(refusal=Refusal(400, "DisabledException")))
        with pytest.raises(kms.KeyServiceRefused):
            box.send(first)
        assert [a.status for a in box.attempts(first)] == [AttemptStatus.ALLOTTED]
        box.settle(first)
        assert lab.landed() == 1
        attempts = box.attempts(first)
        assert [(a.nonce, a.status) for a in attempts] == [(0, AttemptStatus.FINAL)]
        assert not rules.may_be_mined((a.nonce, a.status) for a in attempts)


def test_the_simulator_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "tests.simulators.kms", "--key", f"{KEY}=0x{SECRET.hex()}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("kms simulator ready on http://127.0.0.1:")
        finally:
            process.terminate()
