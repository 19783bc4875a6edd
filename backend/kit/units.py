"""Amounts of chain currencies in JSON: decimal strings, because 10^18 is beyond what most JSON readers keep exact."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_DIGITS = re.compile(r"0|[1-9][0-9]{0,77}")


def _parse(value: Any) -> Any:
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            raise ValueError("an amount is a whole number of the currency's smallest unit, without a sign")
        return int(value)
    return value


Units = Annotated[
    int,
    BeforeValidator(_parse),
    Field(strict=True, ge=0, lt=2**256),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^(0|[1-9][0-9]*)$", "examples": ["150000000000000000000"]}),
]
"""A whole number of the smallest unit (wei for BNB and BKS). Written as a string; a JSON integer is read as well.

So is what may be in any currency, for then it may be in one of these.
"""

SignedUnits = Annotated[
    int,
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^(0|-?[1-9][0-9]*)$", "examples": ["-99000"]}),
]
"""The same with a sign, as in the books. For answers only."""
