"""The one exception of this package."""

from __future__ import annotations


class Trouble(Exception):
    """Something a person must know; its text says what happened and what to do, and is all that is printed."""
