"""The 32 bytes a wallet really signs: of a message (EIP-191) and of typed data (EIP-712)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from eth_account.messages import SignableMessage

# eth-account is loaded when something is to be proven: the index and the worker import this and never do.


def of_message(message: str) -> bytes:
    """Return the digest of `personal_sign` over `message` in UTF-8 (EIP-191, version 0x45)."""
    from eth_account.messages import encode_defunct  # noqa: PLC0415 - see above

    return _digest(encode_defunct(text=message))


def of_typed_data(typed_data: Mapping[str, Any]) -> bytes:
    """Return the digest of `eth_signTypedData_v4` over `{types, primaryType, domain, message}` (EIP-712)."""
    from eth_account.messages import encode_typed_data  # noqa: PLC0415 - see above

    return _digest(encode_typed_data(full_message=dict(typed_data)))


def _digest(signable: "SignableMessage") -> bytes:
    return keccak(b"\x19" + signable.version + signable.header + signable.body)
