"""scripts/test's checks are tests too, but only where it runs them."""

import os

from scripts.machine.check import CHECKS

collect_ignore = [] if CHECKS in os.environ else ["test_checks.py"]
