"""Keys: an encrypted keystore file (Web3 Secret Storage v3), or a raw key on a developer's machine.

A key service is one more class with the same four members, picked in `open_signer`.
"""

import json
from collections.abc import Mapping
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from backend.chain.port import Transaction
from backend.kit.errors import Unavailable
from backend.settings import SIGNER_ROLES, Settings


class SignerMissing(Unavailable):
    """There is no key for this role: set its keystore (or, for development only, its raw key)."""

    code = "signer_missing"


class RawKeyRefused(Unavailable):
    """A raw private key is not used in production; put it into an encrypted keystore."""

    code = "raw_key_refused"


class LocalSigner:
    """A private key in this process's memory."""

    def __init__(self, account: LocalAccount) -> None:
        """Take an account of eth-account."""
        self._account = account

    def __repr__(self) -> str:
        """Show the address, never the key."""
        return f"LocalSigner({self._account.address})"

    @property
    def address(self) -> bytes:
        """The account's 20 bytes."""
        return bytes.fromhex(self._account.address[2:])

    def sign_transaction(self, transaction: Transaction) -> bytes:
        """Sign an EIP-1559 transaction; deterministic by RFC 6979."""
        prepared = {**transaction, "type": 2, "to": to_checksum_address(transaction["to"])}
        return bytes(self._account.sign_transaction(prepared).raw_transaction)

    def sign_typed_data(self, typed_data: Mapping[str, Any]) -> bytes:
        """Sign an EIP-712 document as wallets take it (types, primaryType, domain, message)."""
        return bytes(self._account.sign_typed_data(full_message=dict(typed_data)).signature)

    def hash_of(self, raw: bytes) -> bytes:
        """Return the keccak-256 of the signed bytes: the transaction's hash (EIP-2718)."""
        return keccak(raw)


def open_signer(role: str, settings: Settings) -> LocalSigner:
    """Return the signer of `role` as the settings name it; a keystore wins. Raises SignerMissing, RawKeyRefused."""
    if role not in SIGNER_ROLES:
        raise SignerMissing(role=role)
    keystore, key = getattr(settings, f"{role}_keystore"), getattr(settings, f"{role}_key")
    if keystore is not None:
        try:
            secret = Account.decrypt(json.loads(keystore.read_text()), settings.keystore_password or "")
        except (OSError, ValueError) as error:
            raise SignerMissing(
                f"The keystore of {role} cannot be opened: {type(error).__name__}.", role=role
            ) from None
        return LocalSigner(Account.from_key(secret))
    if key is None:
        raise SignerMissing(role=role)
    if settings.is_production:
        raise RawKeyRefused(role=role)
    return LocalSigner(Account.from_key(key))
