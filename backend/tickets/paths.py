"""Parts of addresses of the API that name things on chain."""

from typing import Annotated

from fastapi import Path

from backend.accounts.addresses import AddressText

CollectionPath = Annotated[AddressText, Path(description="The collection's address (EIP-55 when of mixed case)")]
TokenPath = Annotated[int, Path(ge=0, lt=2**53, description="The token's id", examples=[65536])]
