from datetime import timedelta

from backend.kit import clock
from backend.payments import gauges
from tests.factories.payments import incoming, make_begun, make_event, make_payment


def test_the_gauges_count_and_age_what_waits(session, provider, now):
    make_payment(session, now)
    make_begun(session, now)
    make_event(session, now, incoming("x"))

    with clock.frozen(now + timedelta(seconds=90)):
        assert gauges.payments(session) == {("STARTED",): 1.0, ("PENDING",): 1.0}
        assert gauges.payments_oldest(session)[("PENDING",)] == 90.0
        assert gauges.provider_events(session) == {("RECEIVED",): 1.0}
        assert gauges.provider_events_oldest(session) == {("RECEIVED",): 90.0}
        assert gauges.refunds(session) == gauges.refunds_oldest(session) == {}
