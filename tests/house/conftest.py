"""The outcomes of scripts/test's checks are tests too, but only where it has left some."""

import os

collect_ignore = [] if "BACKSTAGE_CHECKS" in os.environ else ["test_checks.py"]
