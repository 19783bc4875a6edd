"""How a network's RPC endpoints are doing, in words for /health, the figures and the alarms."""

from dataclasses import dataclass
from enum import StrEnum


class Finality(StrEnum):
    """On whose word blocks count as final."""

    TRUSTED = "trusted"
    """There is one endpoint, and it is believed."""
    AGREED = "agreed"
    """Two endpoints said the same at the last look."""
    UNCONFIRMED = "unconfirmed"
    """No second endpoint answers, or it says otherwise: nothing becomes final until one agrees."""


@dataclass(frozen=True, slots=True)
class EndpointCondition:
    """One endpoint as this process has seen it. `host` is without path, query and user name: keys stand there."""

    host: str
    is_usable: bool
    benched_for: str | None
    errors: float
    """Share of calls without a usable answer, recent ones counting more."""
    latency_seconds: float
    lag_blocks: int | None
    """Behind the newest block any of them showed; None when it showed none lately."""


@dataclass(frozen=True, slots=True)
class Condition:
    """All endpoints of a network."""

    network: str
    finality: Finality | None
    """None before the first look."""
    endpoints: tuple[EndpointCondition, ...]
    head: int | None = None
    """The newest block that counts as seen; None when none was shown lately."""
