"""`python -m tests.indexer.armed before|after ARGUMENTS`: the index, killed by SIGKILL around the commit of a reorg.

Before: everything is written and the commit has not begun. After: Postgres has said that it is done, we have not heard.
"""

import os
import signal
import sys

import psycopg

from indexer import __main__, apply


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


if __name__ == "__main__":
    arm(sys.argv[1])
    sys.exit(__main__.main(sys.argv[2:]))
