"""How an address is written. Of our own, as the usual package of helpers costs five megabytes of whoever imports it."""

from eth_hash.auto import keccak

_UPPER = 8
_DIGITS = 40


def checksummed(address: bytes | str) -> str:
    """Return 20 bytes, or their `0x...`, as text whose letters are capital where the digest of its digits says so.

    See EIP-55. Raises ValueError for anything else.
    """
    digits = (address if isinstance(address, bytes) else bytes.fromhex(address.removeprefix("0x"))).hex()
    if len(digits) != _DIGITS:
        raise ValueError("an address has 20 bytes")
    digest = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) >= _UPPER else digit for digit, nibble in zip(digits, digest, strict=False)
    )
