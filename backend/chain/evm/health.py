"""How an RPC endpoint is doing, as one process has seen it. Pure: times are seconds of a clock the caller has."""

from dataclasses import dataclass

_FRESH_SECONDS = 30.0
_HALF_LIFE = 30.0
_WEIGHT = 0.3
_NOTICEABLE_LATENCY = 0.25
"""Endpoints that differ by less are equally quick: the configured order decides, and nothing flaps."""
NATURAL_LAG = 2
"""Blocks a healthy node may be behind another because a block takes time to travel."""
_LARGEST_LAG = 20


@dataclass(slots=True)
class Health:
    """Errors, latency, newest block, and until when it is left alone.

    Threads write without a lock: a lost update changes a preference, never an answer.
    """

    errors: float = 0.0
    """Share of calls without a usable answer, recent ones counting more; fades while it is not asked."""
    latency: float = 0.0
    head: int = 0
    head_at: float | None = None
    limits: int = 0
    limited_until: float = 0.0
    benched_until: float = 0.0
    bench_reason: str | None = None
    _errors_at: float = 0.0

    def answered(self, seconds: float, now: float) -> None:
        """Remember an answer and how long it took."""
        self.errors, self._errors_at = self.errors_now(now) * (1 - _WEIGHT), now
        self.latency += (seconds - self.latency) * _WEIGHT
        self.limits = 0

    def failed(self, now: float) -> None:
        """Remember that no usable answer came."""
        errors = self.errors_now(now)
        self.errors, self._errors_at = errors + (1 - errors) * _WEIGHT, now

    def limited(self, now: float, pause: float) -> None:
        """Leave it alone for `pause` seconds."""
        self.limits += 1
        self.limited_until = max(self.limited_until, now + pause)

    def bench(self, now: float, seconds: float, reason: str) -> None:
        """Believe nothing it says for a time."""
        self.benched_until, self.bench_reason = now + seconds, reason

    def saw_head(self, number: int, now: float) -> None:
        """Remember its newest block."""
        self.head, self.head_at = number, now

    def reason(self, now: float) -> str | None:
        """Return why it is benched now; None when it is not."""
        return self.bench_reason if now < self.benched_until else None

    def is_usable(self, now: float) -> bool:
        """Say whether it may be asked."""
        return now >= self.benched_until and now >= self.limited_until

    def errors_now(self, now: float) -> float:
        """Return the share of failures, half as heavy after half a minute of silence."""
        return float(self.errors * 0.5 ** ((now - self._errors_at) / _HALF_LIFE))

    def fresh_head(self, now: float) -> int | None:
        """Return its newest block, unless that was long ago."""
        return self.head if self.head_at is not None and now - self.head_at <= _FRESH_SECONDS else None

    def lag(self, newest: int | None, now: float) -> int:
        """Return how many blocks it is behind `newest`, as far as anybody knows."""
        head = self.fresh_head(now)
        return 0 if head is None or newest is None else max(newest - head, 0)

    def score(self, newest: int | None, now: float) -> int:
        """Return points against it: errors, latency, lag. Equals are asked in the configured order."""
        lag = min(max(self.lag(newest, now) - NATURAL_LAG, 0), _LARGEST_LAG)
        return round(self.errors_now(now) * 10) + int(self.latency / _NOTICEABLE_LATENCY) + lag


def newest_of(heads: list[int]) -> int | None:
    """Return the newest block that counts as seen: of three or more, one endpoint alone moves it for nobody."""
    ordered = sorted(heads)
    return None if not ordered else ordered[-2] if len(ordered) > 2 else ordered[-1]  # noqa: PLR2004 - see above
