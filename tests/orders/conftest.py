"""An event on sale and a till that takes money."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from tests.factories.orders import Sale, Till, make_sale


@pytest.fixture
def till() -> Iterator[Till]:
    with Till() as opened:
        yield opened


@pytest.fixture
def sale(session: Session, now, till: Till) -> Sale:
    return make_sale(session)
