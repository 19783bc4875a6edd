"""The outcomes of scripts/test's checks are tests too, but only where it runs them."""

import os

import pytest

collect_ignore = [] if "BACKSTAGE_CHECKS" in os.environ else ["test_checks.py"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the checks last: a long one goes on beside the tests."""
    items.sort(key=lambda item: item.path.name == "test_checks.py")
