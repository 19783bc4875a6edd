"""What a header's `logsBloom` says about logs: "certainly none" or "perhaps" (Ethereum yellow paper, 4.3.1)."""

from collections.abc import Collection
from functools import lru_cache

from eth_hash.auto import keccak

_BITS = 2048
_RARELY = 0.05


@lru_cache(maxsize=65_536)
def mask(value: bytes) -> int:
    """Return the three bits that an address or topic sets, as a number."""
    digest = keccak(value)
    bits = 0
    for place in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[place : place + 2], "big") % _BITS)
    return bits


def may_hold(bloom: int, value: bytes) -> bool:
    """Say whether a log of this address or with this topic may be in the block. False is certain."""
    wanted = mask(value)
    return bloom & wanted == wanted


def is_telling(bloom: int, addresses: int) -> bool:
    """Say whether a "perhaps" about one of so many addresses would rarely be a false alarm."""
    density = bloom.bit_count() / _BITS
    return density > 0 and density**3 * addresses < _RARELY


def suspects(bloom: int, addresses: Collection[bytes], topics: Collection[bytes]) -> set[bytes]:
    """Return the addresses that may have emitted a log of one of `topics` in the block."""
    if not bloom:
        return set()
    found = {address for address in addresses if may_hold(bloom, address)}
    return found if found and any(may_hold(bloom, topic) for topic in topics) else set()
