"""EVM addresses at the edge: 20 bytes inside, EIP-55 text outside."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from backend.chain.addresses import checksummed

ADDRESS_BYTES = 20
ZERO_ADDRESS = bytes(ADDRESS_BYTES)
_FORM = re.compile(r"0x[0-9a-fA-F]{40}")


def parse_address(text: str) -> bytes:
    """Return the 20 bytes of a `0x...` address.

    All lower or all upper case is taken as it is; mixed case must carry the right EIP-55 checksum. Raises ValueError
    for another form, a wrong checksum and the zero address, which nobody controls.
    """
    if not _FORM.fullmatch(text):
        raise ValueError("an address is 0x and 40 hex digits")
    digits = text[2:]
    if digits not in {digits.lower(), digits.upper()} and checksummed(bytes.fromhex(digits)) != text:
        raise ValueError("the address's checksum (EIP-55) is wrong: a digit may be mistyped")
    address = bytes.fromhex(digits)
    if address == ZERO_ADDRESS:
        raise ValueError("the zero address belongs to nobody")
    return address


def show_address(address: bytes) -> str:
    """Return 20 bytes as EIP-55 text."""
    return checksummed(address)


def _checked(text: str) -> str:
    return show_address(parse_address(text))


AddressText = Annotated[
    str,
    AfterValidator(_checked),
    Field(
        description="EVM address (EIP-55 when of mixed case)",
        examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        max_length=42,
    ),
]
"""A field of a request or response model: checked, and shown with its checksum."""
