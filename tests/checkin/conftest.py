"""A door that is open, and a till because tickets come from orders."""

import pytest

from tests.factories.checkin import make_door
from tests.factories.orders import Till


@pytest.fixture
def till():
    with Till() as opened:
        yield opened


@pytest.fixture
def door(session, till):
    return make_door(session)
