"""The chain's side of the tests: our contracts on an anvil, people who use them, and what the chain itself says."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

from backend.chain import abi
from scripts.machine.anvil import Anvil, rpc

NETWORK = "eip155:31337"
ZERO = b"\0" * 20
Token = tuple[bytes, int]
RULES = ("capBps", "giftCoolOff", "freezeAt", "resaleHold", "maxPerWallet")


def token_id(batch: int, index: int = 0) -> int:
    return (batch << 16) | index


@dataclass
class Chainside:
    """One anvil with our factory. Account 0 is deployer, promoter, minter and operator at once."""

    anvil: Anvil
    manifests: Path
    people: list[bytes] = field(default_factory=list)
    factory: bytes = b""
    collections: list[bytes] = field(default_factory=list)
    batches: dict[bytes, int] = field(default_factory=dict)
    tried: set[Token] = field(default_factory=set)

    def rpc(self, method, *params):
        return rpc(self.anvil.url, method, *params)

    def deploy(self):
        self.people = [bytes.fromhex(one[2:]) for one in self.rpc("eth_accounts")]
        implementation = self._create("TicketCollection")
        self.factory = self._create("CollectionFactory", self.people[0].rjust(32, b"\0"))
        block = self.head()
        self.send(self.factory, abi.encode_call("CollectionFactory", "addVersion", [implementation]))
        manifest = {
            "network": NETWORK,
            "deployed_at_block": block,
            "contracts": {"CollectionFactory": {"address": "0x" + self.factory.hex(), "block": block}},
        }
        self.manifests.mkdir(exist_ok=True)
        (self.manifests / "eip155-31337.json").write_text(json.dumps(manifest))
        return self

    def _create(self, contract, arguments=b""):
        code = abi.artifact(contract)["bytecode"].removeprefix("0x") + arguments.hex()
        receipt = self._mined({"from": self._hex(self.people[0]), "data": "0x" + code, "gas": hex(20_000_000)})
        return bytes.fromhex(receipt["contractAddress"][2:])

    def send(self, to, data, sender=None):
        """Send one transaction in a block of its own; return its receipt."""
        return self._mined(self.transaction(to, data, sender))

    def transaction(self, to, data, sender=None):
        sender = self.people[0] if sender is None else sender
        return {"from": self._hex(sender), "to": self._hex(to), "data": self._hex(data), "gas": hex(8_000_000)}

    def _mined(self, transaction):
        sent = self.rpc("eth_sendTransaction", transaction)
        patience = time.monotonic() + 60
        while time.monotonic() < patience:
            receipt = self.rpc("eth_getTransactionReceipt", sent)
            if receipt is not None:
                assert receipt["status"] == "0x1", receipt
                return receipt
            time.sleep(0.001)
        raise AssertionError(f"{sent} was not mined")

    @staticmethod
    def _hex(value):
        return "0x" + value.hex()

    def deploy_params(self, reference):
        me = self.people[0]
        return {
            "promoter": me,
            "eventRef": reference.to_bytes(32, "big"),
            "version": 1,
            "name": "A night",
            "symbol": "NIGHT",
            "baseURI": "ipfs://x/",
            "maxSupply": 100_000,
            "royaltyReceiver": me,
            "royaltyBps": 500,
            "minter": me,
            "minterAllowance": 100_000,
            "claimSigner": me,
            "claimsPerDay": 1000,
            "operator": me,
            "guardian": me,
            "mintsPerDay": 100_000,
            "quoteSigner": me,
            "quotesPerDay": 100_000,
            "market": bytes(20),
            "resaleCurrency": bytes(20),
            "treasury": me,
            "feeReceiver": me,
            "rules": dict.fromkeys(RULES, 0) | {"resale": False, "giftLimit": 255},
            "tiers": [],
        }

    def deploy_call(self, reference):
        return abi.encode_call("CollectionFactory", "deploy", [self.deploy_params(reference), 0, b""])

    def predicted(self, reference):
        data = abi.encode_call("CollectionFactory", "predict", [self.people[0], reference.to_bytes(32, "big"), 1])
        answer = self.rpc("eth_call", {"to": self._hex(self.factory), "data": self._hex(data)}, "latest")
        return bytes.fromhex(answer[-40:])

    def new_collection(self, reference=None):
        reference = len(self.collections) + 1 if reference is None else reference
        address = self.predicted(reference)
        self.send(self.factory, self.deploy_call(reference))
        self.collections.append(address)
        return address

    def mint_call(self, number, owners, tier=1):
        entries = b"".join(owner + tier.to_bytes(2, "big") for owner in owners)
        return abi.encode_call("TicketCollection", "mintBatch", [number, entries])

    def next_batch(self, collection):
        data = abi.encode_call("TicketCollection", "nextBatch", [])
        return int(self.rpc("eth_call", {"to": self._hex(collection), "data": self._hex(data)}, "latest"), 16)

    def mint(self, collection, *owners):
        number = self.next_batch(collection)
        self.tried |= {(collection, token_id(number, index)) for index in range(len(owners))}
        self.send(collection, self.mint_call(number, owners))
        return [token_id(number, index) for index in range(len(owners))]

    def move_call(self, sender, receiver, token):
        return abi.encode_call("TicketCollection", "transferFrom", [sender, receiver, token])

    def move(self, collection, token, receiver):
        owner = self.ticket(collection, token)[0]
        self.send(collection, self.move_call(owner, receiver, token), owner)

    def set_status(self, collection, token, status):
        self.send(collection, abi.encode_call("TicketCollection", "setStatus", [[token], status]))

    def ticket(self, collection, token):
        """What the contract itself says: owner, tier, status, epoch; None when there is no such token."""
        [found] = self.tickets([(collection, token)])
        return found

    def tickets(self, asked):
        """As `ticket`, of many in one request."""
        calls = []
        for place, (collection, token) in enumerate(asked):
            data = abi.encode_call("TicketCollection", "ticket", [token])
            params = [{"to": self._hex(collection), "data": self._hex(data)}, "latest"]
            calls.append({"jsonrpc": "2.0", "id": place, "method": "eth_call", "params": params})
        request = Request(self.anvil.url, json.dumps(calls).encode(), {"content-type": "application/json"})  # noqa: S310
        with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own node
            said = {one["id"]: one.get("result", "0x") for one in json.load(answer)}
        return [self._told(said[place]) for place in range(len(calls))]

    @staticmethod
    def _told(answer):
        if answer == "0x":
            return None
        found = abi.decode_output("TicketCollection", "ticket", bytes.fromhex(answer[2:]))
        return found["owner"], found["tier"], found["status"], found["epoch"]

    def holdings(self):
        """Everything ever tried, as the contracts say it is now."""
        tried = sorted(self.tried)
        found = zip(tried, self.tickets(tried) if tried else [], strict=True)
        return {key: value for key, value in found if value is not None and value[0] != ZERO}

    def logs(self):
        """All logs of the factory and of the collections that exist on this branch, as (block hash, log index)."""
        live = [c for c in self.collections if self.rpc("eth_getCode", self._hex(c), "latest") != "0x"]
        criteria = {"address": [self._hex(a) for a in (self.factory, *live)], "fromBlock": "0x0", "toBlock": "latest"}
        found = self.rpc("eth_getLogs", criteria)
        return sorted((int(x["blockNumber"], 16), int(x["logIndex"], 16), x["blockHash"]) for x in found)

    def head(self):
        return int(self.rpc("eth_blockNumber"), 16)

    def head_hash(self):
        return bytes.fromhex(self.rpc("eth_getBlockByNumber", "latest", False)["hash"][2:])

    def reorg(self, depth, *transactions):
        """Replace the newest `depth` blocks; `transactions` are (transaction, block offset)."""
        self.rpc("anvil_reorg", depth, [list(one) for one in transactions])

    def cut(self, depth):
        """Take the newest blocks away: a shorter chain."""
        self.rpc("anvil_rollback", depth)
