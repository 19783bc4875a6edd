"""What scripts/test checked before the tests, as tests: a failed check is then counted in pytest's summary."""

import json
import os
from pathlib import Path

import pytest


@pytest.mark.parametrize("check", ["ruff", "format", "mypy", "artifacts", "contracts"])
def test_the_check_held(check: str) -> None:
    problem = json.loads(Path(os.environ["BACKSTAGE_CHECKS"]).read_text())[check]
    assert not problem, problem
