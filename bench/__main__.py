"""Install what a measurement needs, then hand over to its program: python -m bench PROGRAM [ARGUMENTS]."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from scripts.machine import install, layout, say
from scripts.machine.supervisor import Interrupted, interruptible
from scripts.machine.trouble import Trouble

_INTERRUPTED = 130


def main(program: str, arguments: list[str]) -> int:
    """Return the exit status when the installation failed; otherwise this process becomes the program."""
    try:
        with interruptible():
            install.install()
    except Trouble as trouble:
        say.line(f"\n{trouble}")
        return 1
    except Interrupted:
        return _INTERRUPTED
    return _become(program, arguments)


def _become(program: str, arguments: list[str]) -> NoReturn:
    os.environ["HOME"] = str(layout.HOME)
    python = str(layout.APP_PYTHON)
    os.execv(python, [python, "-m", f"bench.programs.{program}", *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
