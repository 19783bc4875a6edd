"""The market on a real node: a promoter's collection with resale, fans who hold and want its tickets, and the index."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from eth_account import Account as Key
from eth_account.signers.local import LocalAccount
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend import discovery
from backend.accounts.models import Role
from backend.chain import abi, onlog, registry
from backend.chain.models import ChainBlock, ChainCursor, ChainLog
from backend.chain.onlog import Log
from backend.chain.progress import FACTS_CURSOR
from backend.kit import clock
from backend.tickets.ipfs import registry as stores
from backend.tickets.models import Collection, Ticket
from tests.factories.accounts import address_of, grant, make_key, sign_typed_data, signed_in
from tests.factories.orders import Sale, make_sale
from tests.factories.tickets import NETWORK, tickets_of
from tests.tickets.conftest import RealChain
from tests.tickets.test_on_chain import deploy, queue

FACE = 100 * 10**18
PRICE = 90 * 10**18 + 7
"""Seven units too many for a round division."""
FEE_BPS = 250


class Market(RealChain):
    """The node, with an index that runs every registered handler, and forgets what a reorg undid."""

    _followed = 0
    _ended = 0
    """The newest blocks that were read, and that were final."""

    def follow(self) -> None:
        """Apply every log there is and settle the final ones, as the indexer does."""
        head, finalized = self.port.head().number, self.port.finalized().number
        self._finalized(finalized)
        logs = self._logs_of(self._followed + 1, head)
        for log in logs:
            self._fact(log)
        self._run(onlog.registered.seen, logs)
        self._run(onlog.registered.final, self._logs_of(self._ended + 1, finalized))
        self._followed, self._ended = head, max(self._ended, finalized)
        self.session.flush()

    def undo(self, depth: int) -> None:
        """Replace the newest blocks by empty ones; the handlers repair what they made of them."""
        start = self.port.head().number - depth + 1
        lost = self._logs_of(start, self._followed)
        self.ask("anvil_reorg", depth, [])
        touched = {(log.address, topic) for log in lost for topic in log.topics[1:]}
        for handle in onlog.registered.undo:
            handle(self.session, NETWORK, start, touched)
        self._followed = start - 1

    def _run(self, subscriptions, logs: list[Log]) -> None:
        contracts = {a: w.contract for a, w in onlog.watched_addresses(self.session, NETWORK).items()}
        for subscription in subscriptions:
            topics = {abi.topic(subscription.contract, event) for event in subscription.events}
            mine = [
                log for log in logs if log.topics[0] in topics and contracts.get(log.address) == subscription.contract
            ]
            if mine:
                subscription.handle(self.session, NETWORK, mine)
                self.session.flush()

    def _logs_of(self, start: int, end: int) -> list[Log]:
        if end < start:
            return []
        found = self.ask("eth_getLogs", {"fromBlock": hex(start), "toBlock": hex(end)})
        return [
            Log(
                network=NETWORK,
                block_number=int(log["blockNumber"], 16),
                block_hash=bytes.fromhex(log["blockHash"][2:]),
                block_timestamp=datetime.fromtimestamp(int(log["blockTimestamp"], 16), UTC),
                tx_hash=bytes.fromhex(log["transactionHash"][2:]),
                log_index=int(log["logIndex"], 16),
                address=bytes.fromhex(log["address"][2:]),
                topics=tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
                data=bytes.fromhex(log["data"][2:]),
            )
            for log in found
        ]

    def _fact(self, log: Log) -> None:
        if log.address != self.factory:
            return
        key = {"network": NETWORK, "hash": log.block_hash}
        if self.session.get(ChainBlock, (NETWORK, log.block_hash)) is None:
            self.session.add(ChainBlock(**key, number=log.block_number, timestamp=log.block_timestamp, canonical=True))
        self.session.add(
            ChainLog(
                network=NETWORK,
                block_hash=log.block_hash,
                log_index=log.log_index,
                block_number=log.block_number,
                tx_hash=log.tx_hash,
                tx_index=0,
                address=log.address,
                topics=list(log.topics),
                data=log.data,
            )
        )
        self.session.flush()

    def _finalized(self, number: int) -> None:
        cursor = self.session.get(ChainCursor, (NETWORK, FACTS_CURSOR))
        if cursor is None:
            cursor = ChainCursor(network=NETWORK, name=FACTS_CURSOR, block_number=0, updated_at=clock.now())
            self.session.add(cursor)
        cursor.block_number = cursor.finalized_number = number
        self.session.flush()

    def read(self, contract: str, address: bytes, function: str, *arguments):
        data = abi.encode_call(contract, function, list(arguments))
        return abi.decode_output(contract, function, self.port.call(address, data))

    def bks_of(self, wallet: bytes) -> int:
        return self.read("BKS", self.bks, "balanceOf", wallet)

    def send(self, key: LocalAccount, transaction: dict) -> dict:
        """Sign with the person's own key and send, as a wallet does."""
        fields = {name: value for name, value in transaction.items() if name != "from"}
        tx = self.port.send_raw(bytes(Key.sign_transaction(fields, key.key).raw_transaction))
        self.node.mine(1)
        receipt = self.ask("eth_getTransactionReceipt", "0x" + tx.hex())
        assert receipt["status"] == "0x1", receipt
        return receipt


@dataclass
class Fan:
    """A person with a wallet, coins for gas, and a session."""

    key: LocalAccount
    headers: dict[str, str]

    @property
    def wallet(self) -> bytes:
        return address_of(self.key)


@dataclass
class Stage:
    """Everything a story of resale needs."""

    client: object
    market: Market
    session: Session
    sale: Sale
    collection: Collection
    promoter: Fan
    seller: Fan
    buyer: Fan
    tickets: list[Ticket] = field(default_factory=list)

    def post(self, who: Fan, path: str, **body):
        return self.client.post(path, headers=who.headers, json=body)

    def list(self, who: Fan | None = None, ticket: Ticket | None = None, price: int = PRICE):
        """Prepare and sign a listing; return its JSON."""
        who, ticket = who or self.seller, ticket or self.tickets[0]
        made = self.post(who, "/v1/listings", ticket_id=str(ticket.id), price=str(price))
        assert made.status_code == 201, made.json()
        words = made.json()
        signature = "0x" + sign_typed_data(who.key, words["typed_data"]).hex()
        url = f"/v1/listings/{words['order']['id']}/signature"
        answer = self.client.put(url, headers=who.headers, json={"signature": signature})
        assert answer.status_code == 200, answer.json()
        return answer.json()

    def buy(self, who: Fan, listing: dict, price: int = PRICE) -> dict:
        """Buy with a permit; return the receipt."""
        return self.market.send(who.key, self.purchase(who, listing, price))

    def purchase(self, who: Fan, listing: dict, price: int = PRICE) -> dict:
        """Return the transaction that buys with a permit."""
        url = f"/v1/listings/{listing['id']}/buy"
        asked = self.post(who, url, max_price=str(price)).json()
        permit = {"deadline": asked["permit"]["message"]["deadline"]}
        permit["signature"] = "0x" + sign_typed_data(who.key, asked["permit"]).hex()
        answer = self.post(who, url, max_price=str(price), permit=permit)
        assert answer.status_code == 200, answer.json()
        return answer.json()["transaction"]

    def listing(self, listing: dict) -> tuple[str, str | None]:
        shown = self.client.get(f"/v1/listings/{listing['id']}").json()
        return shown["status"], shown["reason"]

    def finish(self) -> None:
        """Let everything so far become final."""
        self.market.node.mine(3)
        self.market.follow()


@pytest.fixture
def market(session: Session, anvil, tmp_path, settings) -> Iterator[Market]:
    """Our contracts on a node of the test's own; time is the real one, because the node's is."""
    settings(deployments_dir=tmp_path, content_dir=tmp_path / "content", batch_wait_seconds=0, resale_hold_seconds=0)
    discovery.load("reactions", "onchain")
    stores.store.cache_clear()
    made = Market(anvil, tmp_path, session)
    with registry.replaced(NETWORK, made.port, made.signers), clock.use(made.now):
        yield made
    stores.store.cache_clear()


@pytest.fixture
def people(market, session):
    def make() -> Fan:
        key = make_key()
        market.node.fund(key.address, 10**18)
        return Fan(key, signed_in(session, address_of(key), market.now()))

    return make


@pytest.fixture
def rules() -> dict:
    """What the promoter states; a test may state something else."""
    return {"tiers": [{"number": 1, "face": str(FACE)}]}


@pytest.fixture
def stage(client, market, session, people, rules) -> Stage:
    """A live collection with a market fee; the seller holds two tickets, the buyer has 1,000 BKS."""
    sale = make_sale(session, quantities=(50, 20), status="DRAFT")
    tomorrow = market.now() + timedelta(days=1)
    sale.event.doors_at = sale.event.starts_at = tomorrow
    sale.event.ends_at = tomorrow + timedelta(hours=4)
    session.flush()
    promoter, seller, buyer = people(), people(), people()
    grant(session, promoter.wallet, Role.PROMOTER, sale.event.organisation_id)
    answer = client.put(f"/v1/events/{sale.event.id}/resale-rules", headers=promoter.headers, json=rules)
    assert answer.status_code == 200, answer.json()
    collection = deploy(client, market, session, sale, promoter.key)
    market.call("ResaleMarket", market.market, "setFee", [market.admin, FEE_BPS])
    market.call("BKS", market.bks, "mint", [buyer.wallet, 1_000 * 10**18])
    made = Stage(client, market, session, sale, collection, promoter, seller, buyer)
    order = mint(made, seller.wallet, 1)
    made.tickets = tickets_of(session, order.id)
    return made


def mint(stage: Stage, recipient: bytes, quantity: int):
    """Mint tickets of each tier to a wallet, for good."""
    from backend.tickets import tasks
    from backend.tickets.models import Batch

    order = queue(stage.session, stage.sale, recipient, quantity)
    tasks.close_batch(stage.collection.id)
    batch = stage.session.scalars(select(Batch).order_by(Batch.number.desc()).limit(1)).one()
    stage.market.work(batch.id)
    stage.finish()
    return order


@pytest.fixture
def sent(session):
    """Runs the reactions that wait, as the worker does."""
    from backend.kit import notices

    return notices.sweep_reactions
