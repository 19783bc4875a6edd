from collections import defaultdict

import pytest

from backend.kit import notices
from backend.payments import notices as announced
from backend.payments import registry
from backend.payments.providers.fake import FakeProvider

KINDS = (
    announced.PaymentSucceeded,
    announced.PaymentFailed,
    announced.PaymentExpired,
    announced.PaymentStuck,
    announced.RefundSucceeded,
    announced.RefundFailed,
)


@pytest.fixture
def provider():
    """The in-memory provider, called `fake`."""
    fake = FakeProvider()
    registry.use("fake", fake)
    yield fake
    registry.use("fake", None)


@pytest.fixture
def heard(monkeypatch):
    """Every notice announced during the test, in order; whoever else listens is silenced."""
    got = []
    reactions = defaultdict(list, {kind: [lambda _session, notice, _now: got.append(notice)] for kind in KINDS})
    monkeypatch.setattr(notices, "_at_once", reactions)
    return got


@pytest.fixture
def nudged(monkeypatch):
    """The nudges that left, as (task, subject)."""
    from backend.kit import nudges

    sent = []
    monkeypatch.setattr(nudges, "_send", lambda task, subject: sent.append((task, subject)))
    return sent
