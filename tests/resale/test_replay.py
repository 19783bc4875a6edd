"""Projections are what the chain says, however often and in whatever pieces its logs are read."""

from sqlalchemy import delete, select

from backend.chain import onlog
from backend.resale.models import MarketLog, MarketOrder
from backend.royalties.models import Sale
from backend.tickets.models import Holding, TokenMovement
from tests.factories.tickets import tickets_of
from tests.resale.conftest import mint


def standing(stage) -> dict:
    query = select(MarketOrder.id, MarketOrder.status, MarketOrder.reason)
    return {row[0]: tuple(row[1:]) for row in stage.session.execute(query)}


def projected(stage) -> dict:
    found = {}
    for model in (Holding, MarketLog, Sale):
        columns = list(model.__table__.columns)
        found[model.__tablename__] = sorted(map(repr, stage.session.execute(select(*columns))))
    return found


def test_reading_the_chain_again_from_zero_gives_the_same(stage):
    sold, withdrawn = stage.list(), None
    stage.buy(stage.buyer, sold)
    stage.market.follow()
    other = tickets_of(stage.session, mint(stage, stage.seller.wallet, 1).id)[0]
    withdrawn = stage.list(ticket=other)
    answer = stage.post(stage.seller, f"/v1/listings/{withdrawn['id']}/cancel").json()
    stage.market.send(stage.seller.key, answer["transaction"])
    stage.list(ticket=other)
    stage.finish()
    before, stood = projected(stage), standing(stage)
    assert sorted(status for status, _ in stood.values()) == ["CANCELLED", "LISTED", "SETTLED"]
    for model in (Holding, TokenMovement, MarketLog, Sale):
        stage.session.execute(delete(model))
    stage.session.expire_all()
    for number in range(stage.market.port.head().number + 1):
        stage.market._run(onlog.registered.seen, stage.market._logs_of(number, number))
    stage.session.expire_all()
    assert projected(stage) == before
    assert standing(stage) == stood


def test_the_same_logs_twice_change_nothing(stage):
    stage.buy(stage.buyer, stage.list())
    stage.finish()
    before, stood = projected(stage), standing(stage)
    everything = stage.market._logs_of(0, stage.market.port.head().number)
    stage.market._run(onlog.registered.seen, everything)
    assert (projected(stage), standing(stage)) == (before, stood)
