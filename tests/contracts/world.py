"""What tests say about tickets, in their own words."""

LIVE, LOCKED, USED, VOID = range(4)
GIFT, SALE, BUYBACK, CLAIM, ISSUER, RECOVERY = range(6)
PAUSE_SALE, PAUSE_MINT, PAUSE_RESALE, PAUSE_CLAIM = 1, 2, 4, 8

ZERO = "0x" + "00" * 20
EVENT = bytes(16) + bytes.fromhex("018f0c2e7a3b7c4d8e9f0a1b2c3d4e5f")
BASE_URI = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/"


def token(batch, index=0):
    return (batch << 16) | index


def entries(*owners_and_tiers):
    """Pack (owner, tier) pairs: 22 bytes each."""
    return b"".join(bytes.fromhex(str(owner)[2:]) + tier.to_bytes(2, "big") for owner, tier in owners_and_tiers)


def events(receipt, name):
    """The arguments of a receipt's logs of one name, in order."""
    return [dict(log.event_arguments) for log in receipt.events if log.event_name == name]


def names(receipt):
    """The names of a receipt's logs, in order."""
    return [log.event_name for log in receipt.events]


FACE = 10**18
UNLIMITED = 255

OPEN_RULES = {
    "resale": True,
    "capBps": 11_000,
    "giftLimit": UNLIMITED,
    "giftCoolOff": 0,
    "freezeAt": 0,
    "resaleHold": 0,
    "maxPerWallet": 0,
}
"""Rules that forbid nothing but a price above 110 % of what was paid."""


def rules(**changes):
    """The rules as the contracts take them; a test changes what matters to it."""
    return tuple((OPEN_RULES | changes).values())


TIERS = [(1, FACE, 100, 100), (2, 2 * FACE, 75, 100)]
"""Tier 1 at full price; tier 2 costs twice as much and was sold at a quarter off."""
