"""How an address is written."""

import pytest
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from backend.chain.addresses import checksummed


def test_the_examples_of_the_standard() -> None:
    # EIP-55, "Test Cases".
    for text in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"):
        assert checksummed(bytes.fromhex(text[2:])) == text


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_written_as_everybody_writes_it(address: bytes) -> None:
    text = to_checksum_address(address)
    assert checksummed(address) == text
    assert checksummed(text) == checksummed(text.lower()) == text


@pytest.mark.parametrize("wrong", [bytes(19), bytes(21), "0x", "0x" + "1" * 39, "0x" + "g" * 40, "nobody"])
def test_what_is_no_address_is_refused(wrong: bytes | str) -> None:
    with pytest.raises(ValueError, match=r"20 bytes|hexadecimal"):
        checksummed(wrong)
