"""The laboratory on both chains, and the outbox at work on it."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from scripts.machine.anvil import Anvil
from tests.factories.chain import AnvilLab, FakeLab, Lab, Outbox, running


@pytest.fixture
def fake_lab() -> FakeLab:
    return FakeLab()


@pytest.fixture
def anvil_lab(anvil: Anvil) -> AnvilLab:
    return AnvilLab(anvil)


@pytest.fixture(params=["fake", "anvil"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """The same tests run on the fake and on a real node: the fake must behave as the node does."""
    found: Lab = request.getfixturevalue(f"{request.param}_lab")
    return found


@pytest.fixture
def outbox(session: Session, lab: Lab) -> Iterator[Outbox]:
    with running(lab) as box:
        yield box


@pytest.fixture
def fake_outbox(session: Session, fake_lab: FakeLab) -> Iterator[Outbox]:
    with running(fake_lab) as box:
        yield box
