"""How the process keeps its memory."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_M_ARENA_MAX = -8  # glibc's malloc.h


def share_one_heap() -> None:
    """Have all threads allocate from one heap, where the C library can be told so (glibc).

    Else each fetching thread keeps what it once needed for a page. Python lets one of them run at a time, so that they
    do not wait for each other. Call it before threads begin; repeating it changes nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


@contextmanager
def loading() -> Iterator[None]:
    """Import modules in the block without the collector, which from then on leaves alone what there is.

    Modules make half a million objects that stay: looking through them again and again costs a third of the loading,
    and a tenth of reading a past.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
