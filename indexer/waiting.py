"""How the index waits: until woken, until told to stop, and longer after each failure."""

import random
from dataclasses import dataclass
from threading import Event

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Stop(Event):
    """Once set, the work ends. A nap until then can be cut short from any thread."""

    def __init__(self) -> None:
        """Begin unset, with nobody calling."""
        super().__init__()
        self._bell = Event()

    def set(self) -> None:
        """Have the work end."""
        super().set()
        self._bell.set()

    def wake(self) -> None:
        """Cut the present nap short, or the next."""
        self._bell.set()

    @property
    def is_called(self) -> bool:
        """Whether somebody called since the last `answer`."""
        return self._bell.is_set()

    def answer(self) -> bool:
        """Take the call, if there was one; later ones end the next nap. Answer before looking at what it was about."""
        was_called = self._bell.is_set()
        if was_called and not self.is_set():
            self._bell.clear()
        return was_called

    def nap(self, seconds: float) -> None:
        """Wait at most so long, or until called or stopped."""
        self._bell.wait(seconds)


@dataclass
class Backoff:
    """Pauses that grow while things fail, a little at random so that many do not come back at once."""

    longest: float | None = None
    """Seconds; None: five."""
    pause: float = _FIRST_PAUSE

    def next(self) -> float:
        """Return how long to wait now, in seconds."""
        longest = _LONGEST_PAUSE if self.longest is None else self.longest
        now, self.pause = self.pause, min(self.pause * 2, longest)
        return now * random.uniform(0.75, 1.25)  # noqa: S311 - no secret

    def reset(self) -> None:
        """Things work again."""
        self.pause = _FIRST_PAUSE
