"""Which TCP ports to listen on. Everything binds the loopback address only."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from scripts.machine.trouble import Trouble

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Tell whether nothing listens on the loopback port at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Find a port that the system says is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def choose(wanted: int | None, default: int, option: str) -> int:
    """Return the port asked for, else the default, else (the default being busy) a free one.

    Raises Trouble when a port that the user asked for by name is busy: moving it silently would surprise.
    """
    if wanted is not None:
        if not is_free(wanted):
            message = f"Port {wanted} ({option}) is in use. Name another one, or leave {option} out."
            raise Trouble(message)
        return wanted
    return default if is_free(default) else free_port()


def wait_until(ready: Callable[[], bool], alive: Callable[[], bool], seconds: float) -> bool:
    """Ask `ready` until it says yes; False when the process died (whoever else answers) or the seconds are over."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while time.monotonic() < deadline:
        is_ready = ready()
        if not alive():
            return False
        if is_ready:
            return True
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    return False
