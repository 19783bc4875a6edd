"""What scripts/test checks beside the tests, as tests: a failed check is then counted in pytest's summary."""

import json
import os
import time
from pathlib import Path

import pytest

_PATIENCE_SECONDS = 540


@pytest.mark.timeout(_PATIENCE_SECONDS + 30)
@pytest.mark.parametrize("check", ["ruff", "format", "mypy", "forge", "artifacts", "contracts"])
def test_the_check_held(check: str) -> None:
    results = Path(os.environ["BACKSTAGE_CHECKS"])
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while check not in (told := json.loads(results.read_text())):
        assert time.monotonic() < give_up, f"{check} has not ended"
        time.sleep(0.2)
    assert not told[check], told[check]
