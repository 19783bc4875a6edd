"""What a start refuses: rewards that are worth more than the fee that pays for them."""

from collections.abc import Iterator

from backend.orders import fees
from backend.rewards import rules
from backend.settings import Settings


def wrong(settings: Settings) -> Iterator[str]:
    """Say what is wrong with the settings of rewards, in words for who sets them."""
    if settings.rewards_per_order:
        bps = fees.in_force().fee_bps
        yield from rules.never_covered(
            settings.rewards_per_order,
            settings.rewards_from,
            settings.rewards_worth,
            lambda total: fees.split(total, bps)[1],
        )
