"""Trouble on request: the next calls fail before or after they were carried out."""

import threading
from typing import Literal

from tests.simulators.stripe.errors import StripeRefusal

Kind = Literal["unavailable", "lost_answer"]


class Faults:
    """How many calls are still to fail, by kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[Kind, int] = {"unavailable": 0, "lost_answer": 0}

    def ask_for(self, kind: Kind, calls: int) -> None:
        """Let the next `calls` calls fail: `unavailable` does nothing, `lost_answer` acts and then answers 500."""
        with self._lock:
            self._left[kind] = calls

    def _take(self, kind: Kind) -> bool:
        with self._lock:
            if not self._left[kind]:
                return False
            self._left[kind] -= 1
            return True

    def before(self) -> None:
        """Raise if this call is to fail without doing anything."""
        if self._take("unavailable"):
            raise StripeRefusal(503, "Asked to be unavailable", kind="api_error")

    def after(self) -> bool:
        """Whether the answer to this call is to get lost."""
        return self._take("lost_answer")
