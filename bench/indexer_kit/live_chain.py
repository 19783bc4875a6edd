"""The chain's side of the live measurement: one collection, tickets that move, blocks mined when we say so."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from backend.chain import abi
from scripts.machine.anvil import Anvil
from scripts.machine.trouble import Trouble

NETWORK = "eip155:31337"
_GAS: Final = 120_000
_DEPLOY_GAS: Final = 20_000_000
_MINT_GAS: Final = 25_000_000
_MINT_AT_ONCE: Final = 250
_TIER: Final = 1
_RULES = ("capBps", "giftCoolOff", "freezeAt", "resaleHold", "maxPerWallet")
_PATIENCE_SECONDS = 30.0


@dataclass
class LiveChain:
    """An anvil without automine once `ready()` ran. Account 0 deploys, mints and is the promoter."""

    anvil: Anvil
    manifests: Path
    people: list[bytes] = field(default_factory=list)
    factory: bytes = b""
    collection: bytes = b""
    owners: dict[int, bytes] = field(default_factory=dict)
    """Who holds which token on the present branch, moves not mined yet included."""
    _before: list[dict[int, bytes]] = field(default_factory=list)
    _planned: dict[int, bytes] = field(default_factory=dict)
    _line: HTTPConnection | None = None

    def ask(self, method: str, *params: object) -> Any:
        """One call on a connection that stays open: the measurement must not measure its own handshakes."""
        [answer] = self.ask_all([(method, list(params))])
        return answer

    def ask_all(self, calls: list[tuple[str, list[object]]]) -> list[Any]:
        """Many calls in one request, answers in their order. Raises Trouble for an error among them."""
        if self._line is None:
            self._line = HTTPConnection(self.anvil.url.removeprefix("http://"), timeout=60)
        body = [{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(calls)]
        self._line.request("POST", "/", json.dumps(body), {"content-type": "application/json"})
        answers = json.loads(self._line.getresponse().read())
        for answer in answers:
            if "error" in answer:
                raise Trouble(f"{calls[answer['id']][0]}: {answer['error'].get('message')}")
        return [answer["result"] for answer in sorted(answers, key=lambda answer: int(answer["id"]))]

    def close(self) -> None:
        """Hang up."""
        if self._line is not None:
            self._line.close()

    def ready(self, tickets: int) -> None:
        """Deploy the factory and a collection, mint `tickets` to the accounts in turn, and stop mining by itself."""
        self.people = [bytes.fromhex(one[2:]) for one in self.ask("eth_accounts")]
        implementation = self._create("TicketCollection")
        self.factory = self._create("CollectionFactory", self.people[0].rjust(32, b"\0"))
        block = self.head()[0]
        self._mined(self.factory, abi.encode_call("CollectionFactory", "addVersion", [implementation]))
        reference = (1).to_bytes(32, "big")
        found = self.ask(
            "eth_call",
            {
                "to": _hex(self.factory),
                "data": _hex(abi.encode_call("CollectionFactory", "predict", [self.people[0], reference, 1])),
            },
            "latest",
        )
        self.collection = bytes.fromhex(found[-40:])
        self._mined(self.factory, abi.encode_call("CollectionFactory", "deploy", [self._params(reference), 0, b""]))
        self.manifests.mkdir(parents=True, exist_ok=True)
        manifest = {
            "network": NETWORK,
            "deployed_at_block": block,
            "contracts": {"CollectionFactory": {"address": _hex(self.factory), "block": block}},
        }
        (self.manifests / f"{NETWORK.replace(':', '-')}.json").write_text(json.dumps(manifest))
        for number in range(1, -(-tickets // _MINT_AT_ONCE) + 1):
            self._mint(number)
        self.ask("evm_setAutomine", False)  # noqa: FBT003 - JSON-RPC's own flag

    def _mint(self, number: int) -> None:
        owners = [self.people[index % len(self.people)] for index in range(_MINT_AT_ONCE)]
        entries = b"".join(owner + _TIER.to_bytes(2, "big") for owner in owners)
        self._mined(self.collection, abi.encode_call("TicketCollection", "mintBatch", [number, entries]), _MINT_GAS)
        self.owners |= {(number << 16) | index: owner for index, owner in enumerate(owners)}

    def moves(self, count: int, turn: int) -> list[dict[str, str]]:
        """Return `count` transfers of different tokens, as transactions; each goes to the next of the accounts."""
        tokens = list(self.owners)
        found = []
        for place in range(count):
            token = tokens[(turn * count + place) % len(tokens)]
            owner = self.owners[token]
            receiver = self.people[(self.people.index(owner) + 1) % len(self.people)]
            data = abi.encode_call("TicketCollection", "transferFrom", [owner, receiver, token])
            found.append({"from": _hex(owner), "to": _hex(self.collection), "data": _hex(data), "gas": hex(_GAS)})
            self._planned.setdefault(token, owner)
            self.owners[token] = receiver
        return found

    def pool(self, transactions: list[dict[str, str]]) -> None:
        """Put transactions into the pool; the next block takes them."""
        for transaction in transactions:  # one after another: a sender's nonces are allotted in the order of arrival
            self.ask("eth_sendTransaction", transaction)

    def mine(self) -> float:
        """Mine one block of what is in the pool. Return when the node said it was mined (monotonic seconds)."""
        self.ask("evm_mine")
        self._keep_block()
        return time.monotonic()

    def reorg(self, depth: int, moves: int, turn: int) -> float:
        """Replace the newest `depth` blocks by as many with `moves` other transfers each. Return when it was so."""
        for before in reversed(self._before[len(self._before) - depth :]):
            self.owners |= before
        del self._before[len(self._before) - depth :]
        branch: list[list[object]] = []
        for offset in range(depth):
            branch += [[transaction, offset] for transaction in self.moves(moves, turn + offset)]
            self._keep_block()
        self.ask("anvil_reorg", depth, branch)
        return time.monotonic()

    def _keep_block(self) -> None:
        self._before.append(self._planned)
        self._planned = {}

    def head(self) -> tuple[int, bytes]:
        """Return number and hash of the newest block."""
        block = self.ask("eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - as above
        return int(block["number"], 16), bytes.fromhex(block["hash"][2:])

    def hashes(self, first: int, last: int) -> set[bytes]:
        """Return the hashes of the present blocks from `first` to `last`."""
        blocks = self.ask_all([("eth_getBlockByNumber", [hex(n), False]) for n in range(first, last + 1)])
        return {bytes.fromhex(block["hash"][2:]) for block in blocks}

    def owner_of(self, tokens: list[int]) -> list[bytes]:
        """Ask the contract who holds each token."""
        calls: list[tuple[str, list[object]]] = [
            (
                "eth_call",
                [
                    {
                        "to": _hex(self.collection),
                        "data": _hex(abi.encode_call("TicketCollection", "ownerOf", [token])),
                    },
                    "latest",
                ],
            )
            for token in tokens
        ]
        return [bytes.fromhex(answer[-40:]) for answer in self.ask_all(calls)]

    def _create(self, contract: str, arguments: bytes = b"") -> bytes:
        code = abi.artifact(contract)["bytecode"].removeprefix("0x") + arguments.hex()
        receipt = self._sent({"from": _hex(self.people[0]), "data": "0x" + code, "gas": hex(_DEPLOY_GAS)})
        return bytes.fromhex(receipt["contractAddress"][2:])

    def _mined(self, to: bytes, data: bytes, gas: int = _DEPLOY_GAS) -> None:
        self._sent({"from": _hex(self.people[0]), "to": _hex(to), "data": _hex(data), "gas": hex(gas)})

    def _sent(self, transaction: dict[str, str]) -> dict[str, Any]:
        sent = self.ask("eth_sendTransaction", transaction)
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < give_up:
            receipt: dict[str, Any] | None = self.ask("eth_getTransactionReceipt", sent)
            if receipt is not None:
                if receipt["status"] != "0x1":
                    raise Trouble(f"{sent} reverted")
                return receipt
            time.sleep(0.002)
        raise Trouble(f"{sent} was not mined in {_PATIENCE_SECONDS:.0f} s")

    def _params(self, reference: bytes) -> dict[str, Any]:
        me, nobody, many = self.people[0], bytes(20), 1_000_000
        return {
            "promoter": me, "eventRef": reference, "version": 1, "name": "A night", "symbol": "NIGHT",
            "baseURI": "ipfs://x/", "maxSupply": many, "royaltyReceiver": me, "royaltyBps": 500, "minter": me,
            "minterAllowance": many, "claimSigner": me, "claimsPerDay": 1000, "operator": me, "guardian": me,
            "mintsPerDay": many, "quoteSigner": me, "quotesPerDay": many, "market": nobody, "resaleCurrency": nobody,
            "treasury": me, "feeReceiver": me, "rules": dict.fromkeys(_RULES, 0) | {"resale": False, "giftLimit": 255},
            "tiers": [],
        }  # fmt: skip


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
