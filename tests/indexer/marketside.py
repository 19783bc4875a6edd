"""The chain with everything that trades: the BKS token, the market, and a collection whose tickets may be sold on."""

import json
from dataclasses import dataclass

from backend.chain import abi
from tests.indexer.chainside import NETWORK, ZERO, Chainside

FACE = 10**18
PRICE = 9 * 10**17 + 7
FEE_BPS = 250
_WORD = 32
_LISTING = (
    ("collection", "address"),
    ("tokenId", "uint256"),
    ("seller", "address"),
    ("epoch", "uint32"),
    ("currency", "address"),
    ("price", "uint256"),
    ("expiry", "uint64"),
    ("maxRoyaltyBps", "uint16"),
    ("maxFeeBps", "uint16"),
    ("counter", "uint64"),
    ("nonce", "bytes32"),
)
_DOMAIN = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


@dataclass
class Marketside(Chainside):
    """As Chainside, and account 0 also owns token and market."""

    market: bytes = b""
    bks: bytes = b""

    def deploy(self):
        super().deploy()
        me = self.people[0].rjust(_WORD, b"\0")
        before = self.head() + 1
        self.bks = self._create("BKS", me)
        words = me + self.factory.rjust(_WORD, b"\0") + me + FEE_BPS.to_bytes(_WORD, "big")
        self.market = self._create("ResaleMarket", words)
        path = self.manifests / "eip155-31337.json"
        manifest = json.loads(path.read_text())
        manifest["contracts"] |= {
            "BKS": {"address": self._hex(self.bks), "block": before},
            "ResaleMarket": {"address": self._hex(self.market), "block": before + 1},
        }
        manifest["roles"] = {
            "deployer": self._hex(self.people[1]),
            "bks_minters": [self._hex(self.people[2])],
            "bks_pausers": [],
        }
        path.write_text(json.dumps(manifest))
        self.send(self.factory, abi.encode_call("CollectionFactory", "setDeployer", [self.people[1], True]))
        self.send(self.bks, abi.encode_call("BKS", "setMinter", [self.people[2], True]))
        return self

    def deploy_params(self, reference):
        rules = {"resale": True, "capBps": 10_000, "giftLimit": 255}
        tier = {"tier": 1, "face": FACE, "paid": 100, "list": 100}
        params = super().deploy_params(reference)
        return params | {"market": self.market, "rules": params["rules"] | rules, "tiers": [tier]}

    def sell(self, collection, token, buyer, price=PRICE):
        """Sell a ticket on: its holder signs a listing, the buyer pays in the native coin."""
        seller, _, _, epoch = self.ticket(collection, token)
        values = (collection, token, seller, epoch, ZERO, price, 2**40, 1000, 1000, 0, token.to_bytes(_WORD, "big"))
        listing = dict(zip((name for name, _ in _LISTING), values, strict=True))
        signature = self.rpc("eth_signTypedData_v4", self._hex(seller), self._typed(listing))
        permit = {"value": 0, "deadline": 0, "v": 0, "r": bytes(_WORD), "s": bytes(_WORD)}
        data = abi.encode_call("ResaleMarket", "buy", [listing, bytes.fromhex(signature[2:]), [], price, permit])
        self._mined(self.transaction(self.market, data, buyer) | {"value": hex(price)})

    def _typed(self, listing):
        def named(fields):
            return [{"name": name, "type": kind} for name, kind in fields]

        return {
            "types": {"EIP712Domain": named(_DOMAIN), "Listing": named(_LISTING)},
            "primaryType": "Listing",
            "domain": {
                "name": "Backstage Market",
                "version": "1",
                "chainId": int(NETWORK.partition(":")[2]),
                "verifyingContract": self._hex(self.market),
            },
            "message": {
                name: self._hex(value) if isinstance(value, bytes) else str(value) for name, value in listing.items()
            },
        }

    def reward(self, number, receiver, amount):
        data = abi.encode_call("BKS", "reward", [number.to_bytes(_WORD, "big"), receiver, amount])
        self.send(self.bks, data, self.people[2])

    def pay(self, sender, receiver, amount):
        self.send(self.bks, abi.encode_call("BKS", "transfer", [receiver, amount]), sender)
