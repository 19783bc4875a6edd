"""A real node with our real contracts on it, and the means to let the work go on by hand."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.chain import abi, registry
from backend.chain import send as sending
from backend.chain import watch as watching
from backend.chain.evm.client import EvmChain
from backend.chain.evm.signers import LocalSigner
from backend.chain.models import ChainSend, SendStatus
from backend.chain.onlog import Log
from backend.kit import clock
from backend.tickets import holdings, onchain, reactions  # noqa: F401 - the reactions are part of what happens
from backend.tickets.ipfs import registry as stores
from scripts.machine.anvil import rpc
from tests.factories.tickets import NETWORK

ROLES = ("minter", "claim", "operator", "deployer", "quote", "rewards")
_ENDED = {SendStatus.FINAL, SendStatus.REVERTED, SendStatus.CANCELLED}


class RealChain:
    """Our contracts on anvil; `work` is the worker, `index` the indexer."""

    def __init__(self, node, manifests, session: Session) -> None:
        self.node, self.session, self.late, self.manifests = node, session, timedelta(), manifests
        self.port = EvmChain(31337, node.url)
        self.signers = {role: LocalSigner(Account.from_key(keccak(text=f"tests: {role}"))) for role in ROLES}
        for signer in self.signers.values():
            node.fund("0x" + signer.address.hex(), 10**20)
        self.admin = bytes.fromhex(self.ask("eth_accounts")[0][2:])
        self._indexed: dict[bytes, int] = {}
        self._settled: dict[bytes, int] = {}
        implementation = self._create("TicketCollection", b"")
        self.factory = self._create("CollectionFactory", self.admin.rjust(32, b"\0"))
        self.call("CollectionFactory", self.factory, "addVersion", [implementation])
        self.call("CollectionFactory", self.factory, "setDeployer", [self.signers["deployer"].address, True])
        self.bks = self._create("BKS", self.admin.rjust(32, b"\0"))
        self.call("BKS", self.bks, "setMinter", [self.admin, True])
        self.call("BKS", self.bks, "setMinter", [self.signers["rewards"].address, True])
        owner, nobody = self.admin.rjust(32, b"\0"), bytes(32)
        self.market = self._create("ResaleMarket", owner + self.factory.rjust(32, b"\0") + nobody * 2)
        entry = {"CollectionFactory": {"address": show_address(self.factory), "block": 1}}
        entry["TicketCollection"] = {"address": show_address(implementation), "version": 1, "block": 1}
        entry["BKS"] = {"address": show_address(self.bks), "block": 1}
        entry["ResaleMarket"] = {"address": show_address(self.market), "block": 1}
        manifest = {"network": NETWORK, "deployed_at_block": 0, "contracts": entry}
        (manifests / "eip155-31337.json").write_text(json.dumps(manifest))

    def ask(self, method: str, *params: object):
        return rpc(self.node.url, method, *params)

    def transact(self, sender: bytes, to: bytes | None, data: bytes) -> dict:
        """Send from an account the node holds the key of, or impersonates."""
        self.ask("anvil_impersonateAccount", "0x" + sender.hex())
        fields = {"from": "0x" + sender.hex(), "data": "0x" + data.hex(), "gas": hex(8_000_000)}
        tx = self.ask("eth_sendTransaction", fields | ({"to": "0x" + to.hex()} if to else {}))
        self.node.mine(1)
        receipt = self.ask("eth_getTransactionReceipt", tx)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def call(self, contract: str, address: bytes, function: str, arguments: list, sender: bytes | None = None) -> dict:
        return self.transact(sender or self.admin, address, abi.encode_call(contract, function, arguments))

    def _create(self, contract: str, arguments: bytes) -> bytes:
        code = bytes.fromhex(abi.artifact(contract)["bytecode"].removeprefix("0x"))
        return bytes.fromhex(self.transact(self.admin, None, code + arguments)["contractAddress"][2:])

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0) + self.late

    def work(self, subject_id: UUID, rounds: int = 4) -> ChainSend:
        """Let the outbox bring the newest send about a subject to its end."""
        query = select(ChainSend).where(ChainSend.subject_id == subject_id).order_by(ChainSend.id.desc()).limit(1)
        send_id = self.session.scalars(query).one().id
        for left in reversed(range(rounds)):
            self.late += timedelta(seconds=20)
            sending.send(send_id)
            self.node.mine(3)
            self.late += timedelta(seconds=20)
            watching.watch(send_id)
            if self._send(send_id).status in _ENDED:
                self.late += left * timedelta(seconds=40)  # as late, and as deep, as if it had taken all rounds
                if left:
                    self.node.mine(3 * left)
                break
        return self._send(send_id)

    def _send(self, send_id: UUID) -> ChainSend:
        query = select(ChainSend).where(ChainSend.id == send_id).execution_options(populate_existing=True)
        return self.session.scalars(query).one()

    def index(self, collection: bytes) -> None:
        """Apply every log so far and settle those in final blocks, as the indexer does."""
        head, finalized = self.port.head().number, self.port.finalized().number
        seen = self._logs(collection, self._indexed.get(collection, 0) + 1, head)
        self._hand(onchain.project, "TicketCollection", holdings.EVENTS, seen)
        final = self._logs(collection, self._settled.get(collection, 0) + 1, finalized)
        self._hand(onchain.settle_deployments, "CollectionFactory", ("CollectionDeployed",), final)
        self._hand(onchain.settle_batches, "TicketCollection", ("BatchMinted", "BatchCancelled"), final)
        self._hand(onchain.settle_purchases, "TicketCollection", ("TicketsBought",), final)
        self._hand(onchain.settle_tokens, "TicketCollection", ("Transfer", "StatusChanged"), final)
        self._hand(onchain.follow_keys, "TicketCollection", ("MinterChanged", "OperatorChanged"), final)
        self._indexed[collection] = head
        self._settled[collection] = max(self._settled.get(collection, 0), finalized)
        self.session.flush()

    def _hand(self, handler, contract: str, events: tuple[str, ...], logs: list[Log]) -> None:
        topics = {abi.topic(contract, event) for event in events}
        if wanted := [log for log in logs if log.topics[0] in topics]:
            handler(self.session, NETWORK, wanted)

    def _logs(self, collection: bytes, start: int, end: int) -> list[Log]:
        if end < start:
            return []
        addresses = ["0x" + self.factory.hex(), "0x" + collection.hex()]
        found = self.ask("eth_getLogs", {"address": addresses, "fromBlock": hex(start), "toBlock": hex(end)})
        raw = [{key: value for key, value in log.items() if isinstance(value, str | list)} for log in found]
        return [
            Log(
                network=NETWORK,
                block_number=int(log["blockNumber"], 16),
                block_hash=bytes.fromhex(log["blockHash"][2:]),
                block_timestamp=self.now(),
                tx_hash=bytes.fromhex(log["transactionHash"][2:]),
                log_index=int(log["logIndex"], 16),
                address=bytes.fromhex(log["address"][2:]),
                topics=tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
                data=bytes.fromhex(log["data"][2:]),
            )
            for log in raw
        ]


@pytest.fixture
def chain(session: Session, anvil, tmp_path, settings) -> Iterator[RealChain]:
    """Our contracts on a node of the test's own; time is the real one, because the node's is."""
    settings(deployments_dir=tmp_path, content_dir=tmp_path / "content", batch_wait_seconds=0)
    stores.store.cache_clear()
    made = RealChain(anvil, tmp_path, session)
    with registry.replaced(NETWORK, made.port, made.signers), clock.use(made.now):
        yield made
    stores.store.cache_clear()
