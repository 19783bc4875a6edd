"""A broker that is away costs a request next to nothing."""

import time

import pytest

from backend.kit import broker
from scripts.machine import ports, testbed


def test_a_broker_that_is_away_is_found_out_at_once_and_then_left_alone():
    sender = broker.Sender(broker.connect(f"redis://127.0.0.1:{ports.free_port()}/0"))
    began = time.monotonic()
    with pytest.raises(Exception, match="refused"):
        sender("kit.react", "an-id")
    with pytest.raises(broker.BrokerAway):
        sender("kit.react", "an-id")
    assert time.monotonic() - began < 2


def test_a_broker_that_comes_back_is_used_again(monkeypatch):
    monkeypatch.setattr(broker, "_QUIET_SECONDS", 0.0)
    with testbed.redis() as redis:
        app = broker.connect(redis.url())
        sender = broker.Sender(app)
        sender("kit.react", "first")
        redis.kill()
        with pytest.raises(Exception, match=r"refused|closed|reset"):
            sender("kit.react", "lost")
        redis.start()
        sender("kit.react", "second")
        app.close()
