"""Events whose collections have minters of their own, and the house at work on all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import UUID

from eth_account import Account
from eth_utils.crypto import keccak
from sqlalchemy import select

from backend.accounts.models import Role
from backend.chain import gaps, registry, rules, signers
from backend.chain import send as sending
from backend.chain import watch as watching
from backend.chain.evm.signers import LocalSigner
from backend.chain.keyring import Keyring
from backend.chain.models import ChainSend
from backend.chain.port import Signer
from backend.kit.errors import BusinessError
from backend.tickets import tasks
from backend.tickets.models import Batch, Collection
from tests.factories.accounts import address_of, grant, make_key
from tests.factories.orders import make_sale
from tests.factories.tickets import NETWORK
from tests.tickets.test_on_chain import deploy


def key_of(chain, name: str) -> Signer:
    """A funded key."""
    key = LocalSigner(Account.from_key(keccak(text=f"tests: {name}")))
    chain.node.fund("0x" + key.address.hex(), 10**20)
    return key


class House:
    """The worker, the beat and the indexer, by hand."""

    def __init__(self, client, chain, session, settings) -> None:
        self.client, self.chain, self.session = client, chain, session
        settings(
            deployments_dir=chain.manifests,
            content_dir=chain.manifests / "content",
            batch_wait_seconds=0,
            batch_size=2,
            batches_in_flight=8,
        )
        self.promoters: dict[UUID, Account] = {}

    def open(self):
        """An event on sale, its collection live: (sale, collection)."""
        promoter = make_key()
        sale = make_sale(self.session, quantities=(50, 20), status="DRAFT")
        grant(self.session, address_of(promoter), Role.PROMOTER, sale.event.organisation_id)
        collection = deploy(self.client, self.chain, self.session, sale, promoter)
        self.promoters[collection.id] = promoter
        self.chain.ask("evm_setAutomine", False)
        self.chain.node.mine(5)
        self.chain.index(collection.address)
        return sale, collection

    def holding(self, *minters: Signer):
        """Serve the network with these minters."""
        return registry.replaced(NETWORK, self.chain.port, {"minter": list(minters)})

    @contextmanager
    def opening(self, *opens: Callable[[], Signer]) -> Iterator[None]:
        """Serve the network with minters that are opened so."""
        with registry.replaced(NETWORK, self.chain.port, {}):
            registry._keyrings[NETWORK, "minter"] = Keyring("minter", opens)
            yield

    def rotate(self, collection: Collection, to: bytes) -> None:
        """The promoter gives the role to another key; the log becomes final and is heard."""
        owner = address_of(self.promoters[collection.id])
        self.chain.node.fund("0x" + owner.hex(), 10**18)
        self.chain.call("TicketCollection", collection.address, "rotateMinter", [to], sender=owner)

    def batches(self, collection: Collection) -> list[Batch]:
        query = select(Batch).where(Batch.collection_id == collection.id).order_by(Batch.number)
        return list(self.session.scalars(query.execution_options(populate_existing=True)))

    def send_of(self, batch: Batch) -> UUID:
        assert batch.send_id is not None
        return batch.send_id

    def run(self, send_id: UUID) -> None:
        """What a worker does with a send in its turn; what it raises is tried again later."""
        with suppress(BusinessError):
            sending.send(send_id)
        with suppress(BusinessError):
            watching.watch(send_id)

    def turn(self, *collections: Collection) -> None:
        """Half a minute of the house: every send that is due, a few blocks, the index, the sweepers."""
        self.chain.late += timedelta(seconds=30)
        opened = select(ChainSend.id).where(ChainSend.status.in_(rules.OPEN_SENDS)).order_by(ChainSend.created_at)
        for send_id in self.session.scalars(opened).all():
            self.run(send_id)
        self.chain.node.mine(3)
        self.chain.late += timedelta(seconds=30)
        for send_id in self.session.scalars(opened).all():
            self.run(send_id)
        for collection in collections:
            self.chain.index(collection.address)
            tasks.follow_keys(collection.id)
        with suppress(BusinessError):
            gaps.close(registry.port)
        signers.look(registry.port)
        tasks.sweep()
        for collection in collections:
            tasks.close_batch(collection.id)
