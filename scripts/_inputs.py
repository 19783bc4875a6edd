"""Addresses on the command line, checked before a node is asked."""

from __future__ import annotations

import re
from typing import Any

import click
from eth_utils import is_address, is_checksum_address, is_checksum_formatted_address, to_checksum_address

ZERO = "0x" + "00" * 20


class _Address(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5; Ape holds 8.1
    """An address of 20 bytes in hex; one in mixed case must have the right checksum (EIP-55)."""

    name = "0x..."

    def __init__(self, *, may_be_zero: bool) -> None:
        """`may_be_zero`: take the word `zero`, too."""
        self.may_be_zero = may_be_zero

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it with its checksum."""
        text = str(value)
        if self.may_be_zero and text == "zero":
            return ZERO
        if not text.startswith("0x") or not is_address(text):
            self.fail(f"{text!r} is not an address", param, ctx)
        if is_checksum_formatted_address(text) and not is_checksum_address(text):
            self.fail(f"{text} has a wrong checksum: a letter was mistyped", param, ctx)
        if int(text, 16) == 0:
            hint = "say `zero` to name nobody" if self.may_be_zero else "it is the zero address"
            self.fail(f"{text!r} is not taken here: {hint}", param, ctx)
        return str(to_checksum_address(text))


class _CodeHash(click.ParamType):  # type: ignore[type-arg]  # as above
    """The keccak256 of a contract's code: 32 bytes in hex."""

    name = "0x..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it in lower case."""
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", str(value)):
            self.fail(f"{str(value)!r} is no hash of 32 bytes in hex", param, ctx)
        return str(value).lower()


ADDRESS = _Address(may_be_zero=False)
ADDRESS_OR_ZERO = _Address(may_be_zero=True)
CODE_HASH = _CodeHash()
