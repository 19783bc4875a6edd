"""How an address is written. Of our own, as the usual package of helpers costs five megabytes of whoever imports it."""

from eth_hash.auto import keccak

_UPPER = 8


def checksummed(address: bytes) -> str:
    """Return 20 bytes as text whose letters are capital where the digest of its digits says so (EIP-55)."""
    digits = address.hex()
    digest = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= _UPPER else digit for digit, nibble in zip(digits, digest, strict=False)
    )
