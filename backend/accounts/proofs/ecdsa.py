"""What a plain wallet's signature is, and whose: secp256k1 with the one form we take.

One form only, because each second form of the same signature is a second chance to use it:

* 65 bytes, `r || s || v`; the 64-byte form of EIP-2098 is refused;
* `v` is 27 or 28. 0 and 1 are refused, as Ethereum's precompile and the contracts do: the backend must not
  accept what the chain will later refuse. A client whose device answers 0 or 1 adds 27;
* `s` is in the lower half of the order (EIP-2), else `n - s` would be a second valid signature;
* `r` and `s` are between 1 and the order.
"""

from backend.accounts.addresses import ZERO_ADDRESS
from backend.accounts.errors import BadSignature

SIGNATURE_BYTES = 65
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_FIRST_V = 27


def recover(digest: bytes, signature: bytes) -> bytes:
    """Return the 20-byte address whose key signed the 32-byte `digest`. Raises BadSignature."""
    from eth_keys.datatypes import Signature  # noqa: PLC0415 - whoever reads a past imports this and never recovers
    from eth_keys.exceptions import BadSignature as Unrecoverable  # noqa: PLC0415
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415

    if len(signature) != SIGNATURE_BYTES:
        raise BadSignature(reason="length")
    r, s, v = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
    if v not in {_FIRST_V, _FIRST_V + 1}:
        raise BadSignature(reason="recovery_id")
    if not (0 < r < _ORDER and 0 < s < _ORDER):
        raise BadSignature(reason="range")
    if s > _ORDER // 2:
        raise BadSignature(reason="high_s")
    try:
        key = Signature(vrs=(v - _FIRST_V, r, s)).recover_public_key_from_msg_hash(digest)
    except (Unrecoverable, ValidationError, ValueError) as error:
        raise BadSignature(reason="unrecoverable") from error
    signer: bytes = key.to_canonical_address()
    if signer == ZERO_ADDRESS:
        raise BadSignature(reason="zero_address")
    return signer
