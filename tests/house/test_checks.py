"""What scripts/test checks beside the tests, as tests: they share the cores, and a failed one counts in the summary."""

import os

import pytest

from scripts.machine import checks
from tests.conftest import SETTINGS


def _held(check, record_property):
    told = checks.run(check, {k: v for k, v in os.environ.items() if k not in SETTINGS and not k.startswith("PYTEST_")})
    record_property("check", (check.title, told.seconds, told.remark))
    assert told.held, told.told


@pytest.mark.timeout(2_000)
@pytest.mark.parametrize("check", checks.of_contracts(), ids=lambda check: check.name)
def test_the_contracts_hold(check, record_property):
    _held(check, record_property)


@pytest.mark.timeout(1_000)
@pytest.mark.parametrize("check", checks.of_sources(), ids=lambda check: check.name)
def test_the_sources_hold(check, record_property):
    _held(check, record_property)
