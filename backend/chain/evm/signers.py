"""Keys: in a key service, in an encrypted keystore file (Web3 Secret Storage v3), or raw on a developer's machine."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from backend.chain.port import Signer, SignerMissing, Transaction
from backend.kit.errors import Unavailable
from backend.settings import KeyPlace, Settings


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


def open_signer(role: str, settings: Settings, place: KeyPlace | None = None) -> Signer:
    """Return the key of `role` that is kept at `place`: in a key service, a keystore, or (not in production) raw.

    Without `place` it is the role's first.

    Raises SignerMissing, RawKeyRefused, and for a key service KeyServiceBusy, KeyServiceRefused, SignatureRefused.
    """
    place = place or next(iter(settings.key_places(role)), None)
    if place is None:
        raise SignerMissing(role=role)
    if place.kind == "kms_key":
        return _in_key_service(place.value, settings)
    if place.kind == "keystore":
        try:
            secret = Account.decrypt(json.loads(Path(place.value).read_text()), settings.keystore_password or "")
        except (OSError, ValueError) as error:
            raise SignerMissing(
                f"The keystore of {role} cannot be opened: {type(error).__name__}.", role=role
            ) from None
        return LocalSigner(Account.from_key(secret))
    if settings.is_production:
        raise RawKeyRefused(role=role)
    return LocalSigner(Account.from_key(place.value))


def _in_key_service(key_id: str, settings: Settings) -> Signer:
    # botocore costs 36 MB: only where a key lives there.
    from backend.chain.evm.aws_kms import AwsKey  # noqa: PLC0415
    from backend.chain.evm.kms import KmsSigner  # noqa: PLC0415

    return KmsSigner(AwsKey(key_id, settings.kms_region or "", settings.kms_endpoint_url))
