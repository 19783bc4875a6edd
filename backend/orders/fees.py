"""The platform's fee, by version. An order keeps the version and the rate it was placed under.

A new rate is a new line at the end; a line that was ever in force is never edited, because orders name it.
"""

from dataclasses import dataclass

from backend.kit.money import Money, allocate

WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """The platform's share of an order's total, in basis points (1/100 of a per cent)."""

    version: int
    fee_bps: int


SCHEDULES = (FeeSchedule(version=1, fee_bps=500),)


def in_force() -> FeeSchedule:
    """Return the schedule that new orders are placed under: the last one."""
    return SCHEDULES[-1]


def split(total: Money, fee_bps: int) -> tuple[Money, Money]:
    """Return (organisation's share, platform's fee); together they are exactly `total`."""
    organisation, platform = allocate(total, [WHOLE_BPS - fee_bps, fee_bps])
    return organisation, platform
