"""EIP-712: the digest is the one wallets sign."""

from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from backend.chain import typed_data

TYPES = {
    "Person": [("name", "string"), ("wallet", "address")],
    "Mail": [
        ("from", "Person"),
        ("to", "Person[]"),
        ("amount", "uint256"),
        ("delta", "int64"),
        ("seal", "bytes32"),
        ("note", "bytes"),
        ("urgent", "bool"),
        ("numbers", "uint8[]"),
    ],
}
PERSON = st.fixed_dictionaries({"name": st.text(), "wallet": st.binary(min_size=20, max_size=20)})
MAIL = st.fixed_dictionaries(
    {
        "from": PERSON,
        "to": st.lists(PERSON, max_size=3),
        "amount": st.integers(0, 2**256 - 1),
        "delta": st.integers(-(2**63), 2**63 - 1),
        "seal": st.binary(min_size=32, max_size=32),
        "note": st.binary(max_size=70),
        "urgent": st.booleans(),
        "numbers": st.lists(st.integers(0, 255), max_size=4),
    }
)


def _document(message: dict[str, Any]) -> dict[str, Any]:
    return typed_data.document(
        name="Mail",
        version="1",
        chain_id=56,
        verifying_contract=b"\xcc" * 20,
        types=TYPES,
        primary_type="Mail",
        message=message,
    )


def _wallets_digest(document: dict[str, Any]) -> bytes:
    message = encode_typed_data(full_message=document)
    return keccak(b"\x19" + message.version + message.header + message.body)


@given(MAIL)
def test_our_digest_is_the_wallets_digest(message: dict[str, Any]) -> None:
    document = _document(message)
    assert typed_data.digest(document) == _wallets_digest(document)


def test_the_document_is_json_a_browser_reads_without_loss() -> None:
    person = {"name": "Ann", "wallet": b"\xab" * 20}
    numbers = {"amount": 2**60, "delta": -5, "urgent": True, "numbers": [1]}
    document = _document({"from": person, "to": [], "seal": bytes(32), "note": b"\x01", **numbers})
    assert document["message"]["amount"] == str(2**60)
    assert document["message"]["delta"] == -5 and document["message"]["urgent"] is True
    assert document["message"]["from"]["wallet"] == "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"
    assert document["message"]["note"] == "0x01"


def test_a_changed_word_changes_the_digest() -> None:
    types = {"Word": [("text", "string")]}
    documents = [
        typed_data.document(
            name=name,
            version="1",
            chain_id=chain,
            verifying_contract=contract,
            types=types,
            primary_type="Word",
            message={"text": text},
        )
        for name, chain, contract, text in (
            ("a", 1, bytes(20), "x"),
            ("b", 1, bytes(20), "x"),
            ("a", 2, bytes(20), "x"),
            ("a", 1, b"\1" * 20, "x"),
            ("a", 1, bytes(20), "y"),
        )
    ]
    assert len({typed_data.digest(document) for document in documents}) == len(documents)


def test_a_short_address_is_refused() -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        typed_data.struct_hash({"A": [("who", "address")]}, "A", {"who": "0x1234"})
