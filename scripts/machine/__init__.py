"""What `scripts/start` and `scripts/test` do to this machine: install, run servers, supervise.

Only the standard library is imported here, because this package runs before anything is installed. Everything it
makes stays inside the checkout, in places git ignores (`layout.py` names them all).
"""

import signal
import sys

if sys.argv[:1] == ["-m"]:
    # Run as a command, and still importing: nothing is started yet, so Ctrl-C just ends it, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
