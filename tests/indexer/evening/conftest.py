"""An evening as it goes in the house: sold by card, by quote and on the market, and read by the index as it is.

Everything is really committed, to a database of the test's own: API, worker and index are strangers to each other.
"""

from collections.abc import Iterator

import pytest
from eth_utils.crypto import keccak
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend import discovery
from backend.catalog.models import TierPrice
from backend.chain import registry
from backend.kit import clock, db
from backend.payments import settle
from backend.payments.models import Payment
from backend.payments.port import Seen, Subject
from backend.payments.service import begin
from backend.tickets import tasks
from backend.tickets.ipfs import registry as stores
from backend.tickets.models import Batch
from indexer.runner import Job, Runner
from tests.factories.orders import Till, make_order
from tests.factories.payments import incoming, make_event
from tests.factories.tickets import NETWORK, tickets_of
from tests.resale.conftest import Market, Stage, mint, people, stage
from tests.tickets.purchases import BKS, BNB, Buyer, send

__all__ = ["people", "stage"]

REFUSES = "0x60006000fd"
"""Code that reverts whatever comes."""
LIVE, LOCKED, USED, VOID = range(4)


class Indexed(Market):
    """The node, followed by the index that runs in production."""

    job: Job

    def follow(self) -> None:
        """Read up to the head and hand what is final to the final handlers."""
        self.session.commit()
        assert Runner(self.job).follow(once=True)
        self.session.expire_all()


@pytest.fixture
def session(fresh_database, monkeypatch) -> Iterator[Session]:
    """What the test has written is committed before anybody else begins a unit of work."""
    make = db._make_session
    opened = make(info={"tenant": db.PLATFORM})

    def after_ours(**options):
        opened.commit()
        return make(**options)

    monkeypatch.setattr(db, "_make_session", after_ours)
    yield opened
    opened.close()


@pytest.fixture
def market(session, fresh_database, anvil, tmp_path, settings) -> Iterator[Indexed]:
    settings(deployments_dir=tmp_path, content_dir=tmp_path / "content", batch_wait_seconds=0, resale_hold_seconds=0)
    discovery.load("models", "reactions", "onchain")
    stores.store.cache_clear()
    made = Indexed(anvil, tmp_path, session)
    made.job = Job(NETWORK, anvil.url, fresh_database.index_url)
    with registry.replaced(NETWORK, made.port, made.signers), clock.use(made.now):
        yield made
    stores.store.cache_clear()


@pytest.fixture
def rules() -> dict:
    """Resale in coins, which a receiver may refuse."""
    return {"currency": "BNB", "tiers": [{"number": 1, "face": str(10**17)}]}


def ours(stage: Stage, function: str, arguments: list, sender: bytes) -> None:
    """Call the evening's collection."""
    stage.market.call("TicketCollection", stage.collection.address, function, arguments, sender)


def by_card(stage: Stage, till: Till, recipient: bytes):
    """Two tickets of each tier by card, from the order to the final mint; return them."""
    order = make_order(stage.session, stage.sale, stage.market.now())
    order.recipient = recipient
    stage.session.flush()
    payment = stage.session.scalars(select(Payment).where(Payment.reference_id == order.id)).one()
    begin(payment.id)
    stage.session.refresh(payment)
    till.mark(payment.id, Seen.PAID)
    message = incoming(payment.provider_ref, subject=Subject.PAYMENT)
    settle.settle_event(make_event(stage.session, stage.market.now(), message, "stripe").id)
    tasks.close_batch(stage.collection.id)
    batch = stage.session.scalars(select(Batch).order_by(Batch.number.desc()).limit(1)).one()
    stage.market.work(batch.id)
    stage.finish()
    return tickets_of(stage.session, order.id)


def by_quote(stage: Stage) -> None:
    """Two tickets for BKS and one for BNB, paid and minted in one transaction each."""
    for currency, amount in (("BKS", BKS), ("BNB", BNB)):
        price = TierPrice(currency=currency, amount=amount, organisation_id=stage.sale.event.organisation_id)
        stage.sale.tier.prices.append(price)
    stage.session.flush()
    for currency, quantity in (("BKS", 2), ("BNB", 1)):
        buyer = Buyer(stage.client, stage.market, stage.session, stage.sale)
        send(stage.market, buyer.key, buyer.transaction(buyer.order(currency, quantity)))


def on_the_market(stage: Stage) -> None:
    """Two sales for BNB: one pays everybody, of the other the promoter's account refuses its royalty."""
    [other, _] = tickets_of(stage.session, mint(stage, stage.seller.wallet, 1).id)
    for ticket, code in ((stage.tickets[0], "0x"), (other, REFUSES)):
        listing = stage.list(ticket=ticket, price=9 * 10**16 + 7)
        stage.market.ask("anvil_setCode", stage.promoter.key.address, code)
        answer = stage.post(stage.buyer, f"/v1/listings/{listing['id']}/buy", max_price=listing["price"])
        stage.market.send(stage.buyer.key, answer.json()["transaction"])
        stage.market.ask("anvil_setCode", stage.promoter.key.address, "0x")


def everything_else(stage: Stage, tickets) -> None:
    """A gift, each status, a burning, a recovery that is asked for, a pause, another guardian, BKS for somebody."""
    operator = stage.market.read("TicketCollection", stage.collection.address, "operator")
    given, used, void, locked = (ticket.token_id for ticket in tickets)
    ours(stage, "transferFrom", [stage.seller.wallet, stage.buyer.wallet, given], stage.seller.wallet)
    for token, status in ((used, USED), (void, VOID), (locked, LOCKED)):
        ours(stage, "setStatus", [[token], status], operator)
    ours(stage, "burn", [void], operator)
    ours(stage, "requestRecovery", [locked, stage.buyer.wallet], stage.promoter.wallet)
    ours(stage, "setPaused", [4], stage.promoter.wallet)
    ours(stage, "setGuardian", [stage.buyer.wallet], stage.promoter.wallet)
    rewards = stage.market.signers["rewards"].address
    reward = [keccak(text="a reward"), stage.seller.wallet, 10**18]
    stage.market.call("BKS", stage.market.bks, "reward", reward, rewards)


@pytest.fixture
def till() -> Iterator[Till]:
    with Till() as opened:
        yield opened


@pytest.fixture
def evening(stage, till) -> Stage:
    """All of it, final."""
    tickets = by_card(stage, till, stage.seller.wallet)
    by_quote(stage)
    on_the_market(stage)
    everything_else(stage, tickets)
    stage.finish()
    return stage
