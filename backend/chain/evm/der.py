"""The two ASN.1 structures a key service speaks: a public key (RFC 5480) and an ECDSA signature (RFC 3279, 2.2.3)."""

from typing import Any

from Crypto.Util.asn1 import DerBitString, DerObjectId, DerSequence

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""How many points secp256k1 has (SEC 2, 2.4.1)."""

_FIELD = 2**256 - 2**32 - 977
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_SECP256K1 = "1.3.132.0.10"
_UNCOMPRESSED = 4
_POINT_BYTES = 65


class BadDer(ValueError):
    """These bytes are not what they should be; the message says what is wrong with them."""


def public_key(spki: bytes) -> bytes:
    """Return the 64 bytes (x, y) of a SubjectPublicKeyInfo. Raises BadDer for anything but a point of secp256k1."""
    try:
        # The library's stubs know less than the library.
        outer: Any = DerSequence().decode(spki, strict=True, nr_elements=2)
        algorithm: Any = DerSequence().decode(outer[0], strict=True, nr_elements=2)
        names = [DerObjectId().decode(part, strict=True).value for part in algorithm]
        point = DerBitString().decode(outer[1], strict=True).value
    except (ValueError, IndexError, TypeError) as error:
        raise BadDer(f"no SubjectPublicKeyInfo: {error}") from None
    if names != [_EC_PUBLIC_KEY, _SECP256K1]:
        raise BadDer(f"a key of another kind: {' '.join(names)}")
    if len(point) != _POINT_BYTES or point[0] != _UNCOMPRESSED:
        raise BadDer("the point is not uncompressed")
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    if max(x, y) >= _FIELD or (y * y - x * x * x - 7) % _FIELD:
        raise BadDer("the point is not on secp256k1")
    return bytes(point[1:])


def signature(der: bytes) -> tuple[int, int]:
    """Return (r, s) with s in the lower half, as EIP-2 and wallets want it. Raises BadDer.

    (r, n - s) is a signature by the same key over the same digest, so turning it over changes nothing but its form.
    """
    try:
        parts: Any = DerSequence().decode(der, strict=True, nr_elements=2, only_ints_expected=True)
    except (ValueError, IndexError, TypeError) as error:
        raise BadDer(f"no ECDSA signature: {error}") from None
    r, s = int(parts[0]), int(parts[1])
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise BadDer("r or s is out of range")
    return r, min(s, ORDER - s)
