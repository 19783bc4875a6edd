"""Keys that never leave a key service: it is given a digest and answers with a signature in DER.

The service is believed in nothing: whose key it is, is learnt once from its public key, and each signature must recover
to that key before it is used. So a key that was exchanged behind its name, or a digest that was altered on the way,
costs an error and never a nonce.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import rlp
from eth_account.messages import encode_typed_data
from eth_keys import keys
from eth_keys.exceptions import BadSignature, ValidationError
from eth_utils.crypto import keccak

from backend.chain.evm import der
from backend.chain.port import Transaction
from backend.kit.errors import Retryable, Unavailable

_EIP_1559 = b"\x02"
_FIELDS = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "data")
_PARITIES = (0, 1)
_FIRST_V = 27


class KeyServiceBusy(Unavailable, Retryable):
    """The key service does not answer, or wants less to do; try again shortly."""

    code = "key_service_busy"


class KeyServiceRefused(Unavailable):
    """The key service will not work for us: no such key, another kind of key, no permission, switched off."""

    code = "key_service_refused"


class SignatureRefused(Unavailable):
    """The key service answered with something that is not our key's signature over what we asked."""

    code = "signature_refused"


class KeyService(Protocol):
    """One key in a service."""

    def public_key(self) -> bytes:
        """Return the public key as SubjectPublicKeyInfo in DER. Raises KeyServiceBusy, KeyServiceRefused."""
        ...

    def sign(self, digest: bytes) -> bytes:
        """Return an ECDSA signature over the 32 bytes, in DER. Raises KeyServiceBusy, KeyServiceRefused."""
        ...


class KmsSigner:
    """A key in a key service, as the outbox uses keys."""

    def __init__(self, service: KeyService) -> None:
        """Ask the service for the public key. Raises KeyServiceBusy, KeyServiceRefused, SignatureRefused."""
        self._service = service
        try:
            self._public = keys.PublicKey(der.public_key(service.public_key()))
        except der.BadDer as error:
            raise SignatureRefused(f"The key service's public key cannot be used: {error}.") from None

    def __repr__(self) -> str:
        """Show the address."""
        return f"KmsSigner({self._public.to_checksum_address()})"

    @property
    def address(self) -> bytes:
        """The 20 bytes of the account."""
        return bytes(self._public.to_canonical_address())

    def sign_transaction(self, transaction: Transaction) -> bytes:
        """Sign an EIP-1559 transaction. A service draws at random, so the bytes differ from time to time."""
        fields = [*(transaction[name] for name in _FIELDS), []]
        r, s, parity = self._sign(keccak(_EIP_1559 + rlp.encode(fields)))
        return _EIP_1559 + bytes(rlp.encode([*fields, parity, r, s]))

    def sign_typed_data(self, typed_data: Mapping[str, Any]) -> bytes:
        """Sign an EIP-712 document as wallets take it (types, primaryType, domain, message)."""
        words = encode_typed_data(full_message=dict(typed_data))
        r, s, parity = self._sign(keccak(b"\x19" + words.version + words.header + words.body))
        return r.to_bytes(32) + s.to_bytes(32) + bytes([_FIRST_V + parity])

    def hash_of(self, raw: bytes) -> bytes:
        """Return the keccak-256 of the signed bytes: the transaction's hash (EIP-2718)."""
        return keccak(raw)

    def _sign(self, digest: bytes) -> tuple[int, int, int]:
        """Return r, s and the parity of R's y, which DER does not carry: it is the one that recovers our key."""
        try:
            r, s = der.signature(self._service.sign(digest))
        except der.BadDer as error:
            raise SignatureRefused(f"The key service's signature cannot be read: {error}.") from None
        for parity in _PARITIES:
            try:
                found = keys.Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
            except (BadSignature, ValidationError):
                continue
            if found == self._public:
                return r, s, parity
        raise SignatureRefused("The signature is another key's, or over another digest.", signer=repr(self))
