"""What scripts/test checked before the tests, as tests: a failed check is then counted in pytest's summary."""

import json
import os
from pathlib import Path

import pytest

RESULTS = os.environ.get("BACKSTAGE_CHECKS")


@pytest.mark.skipif(RESULTS is None, reason="scripts/test runs these checks before pytest")
@pytest.mark.parametrize("check", ["ruff", "format", "mypy", "artifacts", "contracts"])
def test_the_check_held(check: str) -> None:
    problem = json.loads(Path(RESULTS or "").read_text())[check]
    assert not problem, problem
