"""A rate, a token's address, and orders of one fan whose tickets are final."""

import json

import pytest

from backend.accounts.addresses import show_address
from backend.catalog.models import Event
from backend.orders.models import OrderStatus
from backend.orders.place import Buyer
from backend.rewards import service
from backend.settings import get_settings
from tests.factories.accounts import make_account
from tests.factories.orders import make_order, make_sale
from tests.factories.tickets import ALICE, NETWORK


def given(session, order, now):
    """Have the order earn its reward, and send it: its event is over. None when it earned nothing."""
    reward = service.earn(session, order.id, get_settings(), now)
    if reward is not None:
        service.release(session, reward.id, session.get_one(Event, order.event_id).ends_at)
    return reward


RATE = 10 * 10**18
TOKEN = b"\xb5" * 20


@pytest.fixture(autouse=True)
def rate(settings, tmp_path):
    contracts = {"BKS": {"address": show_address(TOKEN), "block": 2}}
    written = {"network": NETWORK, "deployed_at_block": 1, "contracts": contracts}
    (tmp_path / "eip155-31337.json").write_text(json.dumps(written))
    settings(
        deployments_dir=tmp_path,
        rewards_per_order=RATE,
        rewards_from=json.dumps({"SEK": 49_900}),
        rewards_worth=json.dumps({"SEK": 50}),
    )


@pytest.fixture
def fulfilled(session, now):
    """Makes orders of one fan whose tickets are final."""
    sale = make_sale(session, quantities=(1_000,))
    account = make_account(session, ALICE)

    def make():
        order = make_order(session, sale, now, buyer=Buyer.of(account.id, ALICE, None), quantity=1)
        order.status = OrderStatus.FULFILLED
        session.flush()
        return order

    return make
