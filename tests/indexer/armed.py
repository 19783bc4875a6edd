"""`python -m tests.indexer.armed`: the index, killed by SIGKILL around the commit of a reorg, as often as it is asked.

Each line read is `before|after ARGUMENTS`; what is written for it is how that process ended. Before: everything is
written and the commit has not begun. After: Postgres has said that it is done, we have not heard.
"""

import os
import signal
import sys

import psycopg

from backend import discovery
from indexer import __main__, apply, nudging


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def arm(when):
    """Kill this process around the first commit that undoes blocks."""
    undo, commit = apply._undo, psycopg.Connection.commit
    armed = []

    def undoing(*arguments):
        armed.append(True)
        return undo(*arguments)

    def committing(connection):
        if armed and when == "before":
            _die()
        commit(connection)
        if armed:
            _die()

    apply._undo = undoing
    psycopg.Connection.commit = committing


def serve():
    """Run each line in a process of its own, forked before anything was connected or started."""
    discovery.load("models", "reactions", "onchain")
    nudging.start("redis://127.0.0.1:1/0")
    for line in sys.stdin:
        when, *words = line.split()
        child = os.fork()
        if child == 0:
            arm(when)
            os._exit(__main__.main(words))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
