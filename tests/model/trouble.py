"""Trouble on order: the process dies at its n-th commit or call, or a call's answer, or the call itself, gets lost."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

KINDS = ("dies_before_commit", "dies_before_call", "dies_after_call", "call_lost", "answer_lost", "dies_before_nudge")


class Killed(BaseException):
    """kill -9: nothing of ours catches it, and nothing is cleaned up."""


class Trouble:
    """Armed for one moment of one run; `calm` after it."""

    def __init__(self) -> None:
        self._kind: str | None = None
        self._left = 0
        self.is_dead = False
        event.listen(Session, "before_commit", self._on_commit)

    def close(self) -> None:
        """Listen to commits no longer."""
        event.remove(Session, "before_commit", self._on_commit)

    def arm(self, kind: str, after: int) -> None:
        """Let `kind` happen once `after` such moments have passed well."""
        self._kind, self._left = kind, after

    def revive(self) -> None:
        """Start the process again."""
        self._kind, self.is_dead = None, False

    def calls(self, call: Callable[..., Any], away: Callable[[], Exception]) -> Callable[..., Any]:
        """Wrap a call to somebody else's machine; `away` makes the error of one that does not answer."""

        def run(*args: Any, **kwargs: Any) -> Any:
            if self._hits("dies_before_call"):
                self._die()
            if self._hits("call_lost"):
                self._kind = None
                raise away()
            answer = call(*args, **kwargs)
            if self._hits("dies_after_call"):
                self._die()
            if self._hits("answer_lost"):
                self._kind = None
                raise away()
            return answer

        return run

    def nudges_leave(self) -> bool:
        """Tell whether the process lives long enough after a commit to send its nudges."""
        if self._hits("dies_before_nudge"):
            self.is_dead = True
        return not self.is_dead

    def _on_commit(self, session: Session) -> None:
        if not session.in_nested_transaction() and self._hits("dies_before_commit"):
            self._die()

    def _hits(self, kind: str) -> bool:
        if self.is_dead:
            raise Killed
        if self._kind != kind:
            return False
        self._left -= 1
        return self._left < 0

    def _die(self) -> None:
        self.is_dead = True
        raise Killed


class Shaky:
    """An object whose methods meet the trouble."""

    def __init__(self, inner: Any, trouble: Trouble, away: Callable[[], Exception]) -> None:
        self._inner, self._trouble, self._away = inner, trouble, away

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._trouble.calls(found, self._away) if callable(found) else found
