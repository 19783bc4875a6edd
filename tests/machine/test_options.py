"""The command line of scripts/start."""

import pytest

from scripts.machine import options, ports
from scripts.machine.trouble import Trouble

DATABASES = {"DATABASE_URL": "postgresql://app@h/d", "MIGRATE_DATABASE_URL": "postgresql://owner@h/d"}


def test_without_options_everything_is_embedded_and_the_demo_plays():
    asked = options.parse([], {})
    assert asked.demo
    assert not asked.external


@pytest.mark.parametrize(
    "environment",
    [
        DATABASES,
        {"REDIS_URL": "redis://h"},
        {"EVM_RPC_URL": "http://h"},
        {"STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"},
    ],
)
def test_a_server_of_ones_own_turns_the_demo_off_unless_it_is_asked_for(environment):
    assert not options.parse([], environment).demo
    assert options.parse(["--demo"], environment).demo


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", " sk_live_1", "anything"])
def test_a_live_stripe_key_is_refused_with_the_demo(key):
    environment = {"STRIPE_API_KEY": key, "STRIPE_WEBHOOK_SECRET": "whsec_1"}
    with pytest.raises(Trouble, match="not a test key"):
        options.parse(["--demo"], environment)
    assert not options.parse([], environment).demo


@pytest.mark.parametrize(
    ("environment", "missing"),
    [
        ({"DATABASE_URL": "x"}, "MIGRATE_DATABASE_URL"),
        ({"MIGRATE_DATABASE_URL": "x"}, "DATABASE_URL"),
        ({"INDEX_DATABASE_URL": "x"}, "DATABASE_URL"),
        ({"STRIPE_API_KEY": "sk_test_1"}, "STRIPE_WEBHOOK_SECRET"),
    ],
)
def test_half_of_a_pair_of_variables_is_refused(environment, missing):
    with pytest.raises(Trouble, match=missing):
        options.parse([], environment)


def test_exit_after_demo_needs_a_demo():
    with pytest.raises(Trouble, match="--exit-after-demo"):
        options.parse(["--no-demo", "--exit-after-demo"], {})


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_refused(port, capsys):
    with pytest.raises(SystemExit):
        options.parse(["--port", port], {})


def test_a_busy_default_port_gives_way_to_a_free_one_but_a_named_one_does_not():
    import socket

    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        taken.listen()
        busy = taken.getsockname()[1]
        assert ports.choose(None, busy, "--port") != busy
        with pytest.raises(Trouble, match=f"Port {busy} \\(--port\\) is in use"):
            ports.choose(busy, 8000, "--port")
    assert ports.choose(busy, 8000, "--port") == busy
