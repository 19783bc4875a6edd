"""How the process keeps its memory."""

import ctypes

_M_ARENA_MAX = -8  # glibc's malloc.h


def share_one_heap() -> None:
    """Have all threads allocate from one heap, where the C library can be told so (glibc).

    Else each fetching thread keeps what it once needed for a page. Python lets one of them run at a time, so that they
    do not wait for each other. Call it before threads begin; repeating it changes nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
