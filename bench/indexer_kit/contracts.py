"""Our contracts on a node without anybody's key: anvil sends for every account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backend.chain import abi
from bench.indexer_kit.line import Call, Line
from scripts.machine.anvil import CHAIN_ID, Anvil
from scripts.machine.trouble import Trouble

NETWORK = f"eip155:{CHAIN_ID}"
FACE = 10**15
"""Face value of every ticket and price of every resale, in the smallest unit of the currency."""

_ROYALTY_BPS, _FEE_BPS = 500, 200
_COINS = 10**24
_GAS = {"deploy": 20_000_000, "call": 1_000_000, "mint": 29_000_000}
_FOR_EVER = 2**63
_NATIVE = bytes(20)


def text_of(value: bytes) -> str:
    """Return bytes as JSON-RPC writes them."""
    return "0x" + value.hex()


@dataclass
class World:
    """A chain with our contracts on it. The first of `people` is deployer, promoter, minter and operator at once."""

    anvil: Anvil
    manifests: Path
    people: list[bytes]
    contracts: dict[str, bytes] = field(default_factory=dict)
    collections: list[bytes] = field(default_factory=list)
    """The first is resold in the native coin, the others in BKS."""
    first_block: int = 0

    @property
    def line(self) -> Line:
        """A new connection to the node."""
        return Line(self.anvil.url)

    def call(self, sender: bytes, to: bytes, data: bytes, *, value: int = 0, gas: int = _GAS["call"]) -> Call:
        """Return the call that sends one transaction."""
        said = {"from": text_of(sender), "to": text_of(to), "data": text_of(data), "gas": hex(gas), "value": hex(value)}
        return "eth_sendTransaction", [said]

    def as_json(self) -> dict[str, object]:
        """Return what cannot be asked from the node."""
        return {
            "contracts": {name: address.hex() for name, address in self.contracts.items()},
            "collections": [address.hex() for address in self.collections],
            "first_block": self.first_block,
        }

    def know(self, said: dict[str, object]) -> None:
        """Take over what `as_json` gave, and write the manifest."""
        named, listed = said["contracts"], said["collections"]
        assert isinstance(named, dict)  # noqa: S101 - our own file
        assert isinstance(listed, list)  # noqa: S101
        self.contracts = {name: bytes.fromhex(address) for name, address in named.items()}
        self.collections = [bytes.fromhex(address) for address in listed]
        self.first_block = int(str(said["first_block"]))
        self.write_manifest()

    def write_manifest(self) -> None:
        """Write the deployment manifest by which the index finds the contracts."""
        self.manifests.mkdir(parents=True, exist_ok=True)
        entries = {
            name: {"address": text_of(address), "block": self.first_block} for name, address in self.contracts.items()
        }
        manifest = {"network": NETWORK, "deployed_at_block": self.first_block, "contracts": entries}
        (self.manifests / f"{NETWORK.replace(':', '-')}.json").write_text(json.dumps(manifest))


def deploy(world: World, line: Line, collections: int, tickets: int) -> None:
    """Deploy everything, so many collections of so many tickets, on a node that mines only when told to."""
    admin = world.people[0]
    word = admin.rjust(32, b"\0")
    world.first_block = int(line("eth_blockNumber"), 16) + 1
    implementation = _create(world, line, "TicketCollection", b"")
    world.contracts["CollectionFactory"] = factory = _create(world, line, "CollectionFactory", word)
    world.contracts["BKS"] = coin = _create(world, line, "BKS", word)
    fee = word + factory.rjust(32, b"\0") + word + _FEE_BPS.to_bytes(32, "big")
    world.contracts["ResaleMarket"] = market = _create(world, line, "ResaleMarket", fee)
    done(line, [world.call(admin, factory, abi.encode_call("CollectionFactory", "addVersion", [implementation]))])
    done(line, [world.call(admin, coin, abi.encode_call("BKS", "setMinter", [admin, True]))])
    coins = [world.call(admin, coin, abi.encode_call("BKS", "mint", [person, _COINS])) for person in world.people]
    approve = abi.encode_call("BKS", "approve", [market, 2**256 - 1])
    for start in range(0, len(coins), 20):
        done(line, coins[start : start + 20])
    done(line, [world.call(person, coin, approve) for person in world.people])
    for number in range(collections):
        currency = _NATIVE if number == 0 else coin
        world.collections.append(_collection(world, line, number + 1, currency, tickets))
    world.write_manifest()


def mint(world: World, line: Line, collection: bytes, number: int, owners: Sequence[bytes]) -> list[int]:
    """Mint one batch; return the token ids."""
    entries = b"".join(owner + (1).to_bytes(2, "big") for owner in owners)
    data = abi.encode_call("TicketCollection", "mintBatch", [number, entries])
    done(line, [world.call(world.people[0], collection, data, gas=_GAS["mint"])])
    return [(number << 16) | index for index in range(len(owners))]


def done(line: Line, calls: Sequence[Call]) -> list[dict[str, str]]:
    """Send transactions, mine one block, return their receipts. Raises Trouble when one was reverted."""
    hashes = line.many(calls)
    line("evm_mine")
    receipts: list[dict[str, str]] = line.many([("eth_getTransactionReceipt", [each]) for each in hashes])
    if any(receipt is None or receipt["status"] != "0x1" for receipt in receipts):
        message = "a transaction that builds the chain was reverted"
        raise Trouble(message)
    return receipts


def _create(world: World, line: Line, contract: str, arguments: bytes) -> bytes:
    code = abi.artifact(contract)["bytecode"].removeprefix("0x") + arguments.hex()
    said = {"from": text_of(world.people[0]), "data": "0x" + code, "gas": hex(_GAS["deploy"])}
    [receipt] = done(line, [("eth_sendTransaction", [said])])
    return bytes.fromhex(receipt["contractAddress"][2:])


def _collection(world: World, line: Line, reference: int, currency: bytes, tickets: int) -> bytes:
    admin = world.people[0]
    rules = dict.fromkeys(("giftCoolOff", "freezeAt", "resaleHold", "maxPerWallet"), 0)
    params = {
        "promoter": admin,
        "eventRef": reference.to_bytes(32, "big"),
        "version": 1,
        "name": "A night",
        "symbol": "NIGHT",
        "baseURI": "ipfs://x/",
        "maxSupply": tickets,
        "royaltyReceiver": admin,
        "royaltyBps": _ROYALTY_BPS,
        "minter": admin,
        "minterAllowance": tickets,
        "claimSigner": admin,
        "claimsPerDay": tickets,
        "operator": admin,
        "guardian": admin,
        "mintsPerDay": tickets,
        "quoteSigner": admin,
        "quotesPerDay": tickets,
        "market": world.contracts["ResaleMarket"],
        "resaleCurrency": currency,
        "treasury": admin,
        "feeReceiver": admin,
        "rules": rules | {"capBps": 10_000, "resale": True, "giftLimit": 255},
        "tiers": [{"tier": 1, "face": FACE, "paid": 1, "list": 1}],
    }
    factory = world.contracts["CollectionFactory"]
    predicted = abi.encode_call("CollectionFactory", "predict", [admin, params["eventRef"], 1])
    answer = line("eth_call", {"to": text_of(factory), "data": text_of(predicted)}, "latest")
    data = abi.encode_call("CollectionFactory", "deploy", [params, 0, b""])
    done(line, [world.call(admin, factory, data, gas=_GAS["deploy"])])
    return bytes.fromhex(answer[-40:])


def listing(world: World, token: tuple[bytes, int], seller: bytes, epoch: int) -> dict[str, object]:
    """Return the order by which `seller` sells a ticket at its face value."""
    currency = _NATIVE if token[0] == world.collections[0] else world.contracts["BKS"]
    return {
        "collection": token[0],
        "tokenId": token[1],
        "seller": seller,
        "epoch": epoch,
        "currency": currency,
        "price": FACE,
        "expiry": _FOR_EVER,
        "maxRoyaltyBps": 10_000,
        "maxFeeBps": 10_000,
        "counter": 0,
        "nonce": bytes(32),
    }
