"""Our contracts as they are exported, on the bench's node: a promoter's collection, its box office and the market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils.crypto import keccak

from backend.chain import abi
from backend.tickets import typed_data as ticket_words
from backend.tickets.rules import Entry, encode_entries
from bench.gas_kit.build import Code
from bench.gas_kit.node import Contract, Node, Receipt, Signer, Wrong, wallet
from scripts.machine.anvil import CHAIN_ID

NATIVE = bytes(20)
FACE, PRICE = 10**18, 9 * 10**17
"""What a ticket cost, and for how much it is sold on, in the smallest unit of either currency."""
FEE = PRICE // 20
"""The platform's part of what is paid at the box office."""
ROYALTY_BPS, FEE_BPS = 500, 200
NO_PERMIT = {"value": 0, "deadline": 0, "v": 0, "r": bytes(32), "s": bytes(32)}
LATER = 2_100_000_000
"""A deadline, in Unix seconds."""
DOMAIN = "Backstage Tickets"
NAME, SYMBOL = "A night at the opera", "OPERA"
BASE_URI = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/"
"""The root of the metadata by its CID, as a collection that is ready to sell has it."""
SUPPLY = 100_000
MINTER, OPERATOR, PROMOTER, PLATFORM = (wallet(name) for name in ("minter", "operator", "promoter", "platform"))
GUARDIAN, TREASURY, DEPLOYER = (wallet(name) for name in ("guardian", "treasury", "deployer"))
_OWNED = 2**256 - 1


@dataclass
class House:
    """The contracts of which there is one a network."""

    node: Node
    coin: Contract
    factory: Contract
    market: Contract
    quoter: Signer = field(default_factory=lambda: Signer.named("quote signer"))
    claims: Signer = field(default_factory=lambda: Signer.named("claim signer"))
    promoter: Signer = field(default_factory=lambda: Signer.named("promoter with a key"))
    made: int = 0

    def collection(self, currency: bytes = NATIVE) -> Collection:
        """Make a collection of its own, by the promoter."""
        params = self.params(PROMOTER, currency)
        address, _ = self.deploy(params)
        return Collection(self, Contract(self.node, address, abi.interface("TicketCollection")), currency)

    def params(self, promoter: bytes, currency: bytes, tiers: int = 1) -> dict[str, Any]:
        """Return the parameters of the next collection: resale on, four gifts, a cap at what was paid, no holds."""
        self.made += 1
        return {
            "promoter": promoter,
            "eventRef": self.made.to_bytes(32, "big"),
            "version": 1,
            "name": NAME,
            "symbol": SYMBOL,
            "baseURI": BASE_URI,
            "maxSupply": SUPPLY,
            "royaltyReceiver": TREASURY,
            "royaltyBps": ROYALTY_BPS,
            "minter": MINTER,
            "minterAllowance": SUPPLY,
            "mintsPerDay": SUPPLY,
            "claimSigner": self.claims.address,
            "claimsPerDay": SUPPLY,
            "operator": OPERATOR,
            "guardian": GUARDIAN,
            "quoteSigner": self.quoter.address,
            "quotesPerDay": SUPPLY,
            "market": self.market.address,
            "resaleCurrency": currency,
            "treasury": TREASURY,
            "feeReceiver": PLATFORM,
            "rules": {
                "resale": True,
                "capBps": 10_000,
                "giftLimit": 4,
                "giftCoolOff": 0,
                "freezeAt": 0,
                "resaleHold": 0,
                "maxPerWallet": 0,
            },
            "tiers": [{"tier": tier, "face": FACE, "paid": 1, "list": 1} for tier in range(1, tiers + 1)],
        }

    def deploy(self, params: dict[str, Any], consent: bytes = b"", sender: bytes = PROMOTER) -> tuple[bytes, Receipt]:
        """Deploy a collection; returns its address."""
        key = [params["promoter"], params["eventRef"], params["version"]]
        address: bytes = self.factory.ask("predict", *key)
        receipt = self.factory.send(sender, "deploy", [params, LATER if consent else 0, consent])
        made = Contract(self.node, address, abi.interface("TicketCollection"))
        if not self.factory.ask("isCollection", address) or made.ask("owner") != params["promoter"]:
            raise Wrong("the collection is not its promoter's")
        if made.ask("maxSupply") != SUPPLY or made.ask("minter") != MINTER or not made.ask("contractURI"):
            raise Wrong("the collection is not ready to sell")
        return address, receipt

    def consent(self, params: dict[str, Any]) -> bytes:
        """Return the promoter's signature over all parameters."""
        message = {**params, "deadline": LATER}
        document = ticket_words.consent(f"eip155:{CHAIN_ID}", self.factory.address, message)
        return self.promoter.sign(document)

    def endow(self, account: bytes, coins: int, spender: bytes | None = None) -> None:
        """Give somebody coins of ours, and let `spender` take them."""
        self.coin.send(PROMOTER, "mint", [account, coins])
        if spender is not None:
            self.coin.send(account, "approve", [spender, _OWNED])


@dataclass
class Collection:
    """One collection of ours, as the measured operations see it."""

    house: House
    contract: Contract
    currency: bytes
    title: str = "Backstage"
    quotes: int = 0

    def batch(self, owners: Sequence[bytes]) -> tuple[Receipt, list[int]]:
        """Mint one batch of tier 1, as the minter. The owners come sorted."""
        number: int = self.contract.ask("nextBatch")
        entries = encode_entries([Entry(owner, 1) for owner in owners])
        receipt = self.contract.send(MINTER, "mintBatch", [number, entries])
        return receipt, [(number << 16) | index for index in range(len(owners))]

    def mint(self, to: bytes) -> tuple[Receipt, int]:
        """Mint one ticket as the minter: a batch of one."""
        receipt, [token] = self.batch([to])
        return receipt, token

    def buy(self, buyer: bytes) -> tuple[Receipt, int]:
        """Buy one ticket for the native coin, by a signed quote."""
        self.quotes += 1
        return purchase(self.contract, DOMAIN, self.house.quoter, buyer, self.quotes, [NO_PERMIT])

    def transfer(self, sender: bytes, to: bytes, token: int) -> Receipt:
        """Give a ticket, as its holder."""
        return self.contract.send(sender, "transferFrom", [sender, to, token])

    def approve(self, holder: bytes, spender: bytes, token: int) -> Receipt:
        """Approve an account."""
        return self.contract.send(holder, "approve", [spender, token])

    def set_status(self, tokens: Sequence[int], status: int) -> Receipt:
        """Set the status of tickets, as the operator."""
        return self.contract.send(OPERATOR, "setStatus", [list(tokens), status])

    def burn(self, token: int) -> Receipt:
        """Burn a void ticket, as the operator."""
        return self.contract.send(OPERATOR, "burn", [token])

    def statuses(self, tokens: Sequence[int]) -> list[int]:
        """Return the status of tickets."""
        return [told["status"] for told in self.contract.ask_all("ticket", [[token] for token in tokens])]


def house(node: Node, implementation: str = "TicketCollection") -> House:
    """Deploy everything, with this contract as the only version of a collection."""
    admin = wallet("admin")

    def create(name: str, types: Sequence[str] = (), values: Sequence[object] = ()) -> Contract:
        told = abi.artifact(name)
        code = Code(abi.interface(name), bytes.fromhex(told["bytecode"].removeprefix("0x")))
        return node.deploy(admin, code, types, values)

    logic = create(implementation)
    factory = create("CollectionFactory", ["address"], [admin])
    coin = create("BKS", ["address"], [admin])
    terms = [admin, factory.address, PLATFORM, FEE_BPS]
    market = create("ResaleMarket", ["address", "address", "address", "uint16"], terms)
    factory.send(admin, "addVersion", [logic.address])
    factory.send(admin, "setDeployer", [DEPLOYER, True])
    coin.send(admin, "setMinter", [PROMOTER, True])
    return House(node, coin, factory, market)


def purchase(
    contract: Contract, domain: str, quoter: Signer, buyer: bytes, number: int, more: Sequence[object] = ()
) -> tuple[Receipt, int]:
    """Buy one ticket for the native coin at a box office that takes our quotes; the money is where it should be."""
    quote, signature = quoted(contract, domain, quoter, buyer, number)
    before, held = contract.ask("due", NATIVE), contract.node.wei(contract.address)
    receipt = contract.send(buyer, "buy", [quote, signature, *more], value=PRICE)
    after = contract.ask("due", NATIVE)
    booked = [after[share] - before[share] for share in ("promoter", "platform")]
    if booked != [PRICE - FEE, FEE] or contract.node.wei(contract.address) - held != PRICE:
        raise Wrong(f"the box office booked {booked} of {PRICE}")
    [(_, to, token)] = receipt.transfers(contract.address)
    if to != buyer:
        raise Wrong("somebody else has what was bought")
    return receipt, token


def quoted(
    contract: Contract,
    domain: str,
    quoter: Signer,
    buyer: bytes,
    number: int,
    *,
    quantity: int = 1,
    currency: bytes = NATIVE,
) -> tuple[dict[str, Any], bytes]:
    """Return a quote of PRICE for all its tickets, FEE the platform's, and its signature."""
    quote = {
        "id": keccak(number.to_bytes(32, "big")),
        "buyer": buyer,
        "tier": 1,
        "quantity": quantity,
        "currency": currency,
        "price": PRICE,
        "fee": FEE,
        "deadline": LATER,
    }
    return quote, quoter.sign(contract.document(domain, "TicketQuote", contract.fields("buy", "q"), quote))
