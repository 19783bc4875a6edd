"""Identifiers: UUID version 7 (RFC 9562, section 5.7), so that rows sort by the time they were made."""

import os
import threading
import time
from uuid import UUID

_LARGEST_COUNT = 0xFFF
_lock = threading.Lock()
_last_ms = 0
_counter = 0


def new_id() -> UUID:
    """Return a new UUIDv7, strictly rising within this process.

    48 bits of Unix milliseconds, a 12-bit counter that keeps order inside one millisecond, 62 random bits.
    """
    global _last_ms, _counter
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms > _last_ms:
            _last_ms, _counter = now_ms, int.from_bytes(os.urandom(1))
        else:
            _counter += 1
            if _counter > _LARGEST_COUNT:
                _last_ms, _counter = _last_ms + 1, 0
        ms, counter = _last_ms, _counter
    random_62 = int.from_bytes(os.urandom(8)) >> 2
    return UUID(int=(ms << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | random_62)
