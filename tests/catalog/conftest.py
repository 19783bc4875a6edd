"""An organisation and its promoter."""

import pytest

from tests.factories import accounts as people
from tests.factories.accounts import make_organisation


@pytest.fixture
def organisation(session):
    return make_organisation(session).id


@pytest.fixture
def promoter(session, organisation):
    return people.as_promoter(session, organisation)
