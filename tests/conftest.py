"""What every test stands on: a real Postgres migrated once, an API on it, an EVM node; only loopback opens."""

import os

import pytest

# Read once by backend.settings, so it is set before anything of ours is imported.
SETTINGS = {
    "ENVIRONMENT": "test",
    "SECRET_KEY": "a-secret-of-the-tests-that-is-long-enough",
    "PUBLIC_URL": "http://testserver",
    "LOG_LEVEL": "WARNING",
    "STRIPE_API_KEY": "sk_test_of_the_tests",
    "STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests",
    "GUARDIAN_ADDRESS": "0x00000000000000000000000000000000000A11cE",
}
os.environ.update(SETTINGS)

pytest_plugins = [
    "tests.fixtures.database",
    "tests.fixtures.chain",
    "tests.fixtures.http",
    "tests.fixtures.workers",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the model of the state machines be looked at for longer than every run has time for."""
    help_text = "stories the model of the state machines tells, with new seeds (default: a few, always the same)"
    parser.addoption("--model-examples", type=int, default=None, metavar="N", help=help_text)
    help_text = "every depth of reorg up to 64 with every kind of new branch (default: some of each)"
    parser.addoption("--reorgs", action="store_true", help=help_text)
