"""A ticket sold on by a signed listing, with royalty and fee: our market, and Seaport 1.6 with a ticket on Solady.

The same price, payments, parties and balances: the seller has one ticket, the buyer none; everybody who is paid has
been paid before. Seaport's seller has approved it beforehand (ours needs no approval), and an ERC-20's buyer either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backend.chain import typed_data
from bench.gas_kit.build import Code
from bench.gas_kit.node import Contract, Node, Receipt, Signer, Wrong, wallet, wallets
from bench.gas_kit.ours import FEE_BPS, LATER, NATIVE, NO_PERMIT, PLATFORM, PRICE, ROYALTY_BPS, TREASURY, House
from bench.gas_kit.peers import Tickets, solady
from scripts.machine.anvil import CHAIN_ID

ROYALTY, FEE = PRICE * ROYALTY_BPS // 10_000, PRICE * FEE_BPS // 10_000
_BPS = 10_000
_COINS = 10**24
_ERC721, _ERC20, _COIN = 2, 1, 0
_FOR_COIN, _FOR_ERC20 = 0, 8
_ITEM = (
    ("itemType", "uint8"),
    ("token", "address"),
    ("identifierOrCriteria", "uint256"),
    ("startAmount", "uint256"),
    ("endAmount", "uint256"),
)
_ORDER_TYPES: Mapping[str, typed_data.Fields] = {
    "OrderComponents": (
        ("offerer", "address"),
        ("zone", "address"),
        ("offer", "OfferItem[]"),
        ("consideration", "ConsiderationItem[]"),
        ("orderType", "uint8"),
        ("startTime", "uint256"),
        ("endTime", "uint256"),
        ("zoneHash", "bytes32"),
        ("salt", "uint256"),
        ("conduitKey", "bytes32"),
        ("counter", "uint256"),
    ),
    "OfferItem": _ITEM,
    "ConsiderationItem": (*_ITEM, ("recipient", "address")),
}


@dataclass(frozen=True)
class Sale:
    """One sale that is about to be measured."""

    tickets: Tickets
    token: int
    seller: Signer
    buyer: bytes
    coin: Contract | None
    """The ERC-20 it is paid in; None for the native coin."""

    @property
    def currency(self) -> bytes:
        """The coin's address; zero is the native coin."""
        return NATIVE if self.coin is None else self.coin.address


class Seaport:
    """Seaport 1.6 without a conduit, which would cost more."""

    def __init__(self, node: Node, codes: Mapping[str, Code]) -> None:
        conduits = node.deploy(wallet("admin of Seaport"), codes["ConduitController"])
        admin = wallet("admin of Seaport")
        self.contract = node.deploy(admin, codes["Seaport"], ["address"], [conduits.address])

    def settle(self, sale: Sale) -> Receipt:
        """Fulfil the seller's signed order, by the function that is cheapest for it."""
        price_of = {"seller": PRICE - ROYALTY - FEE, "royalty": ROYALTY, "fee": FEE}
        salt = int.from_bytes(bytes(range(1, 33)), "big")
        signature = sale.seller.sign(self._order(sale, list(price_of.values()), salt))
        parameters = {
            "considerationToken": sale.currency,
            "considerationIdentifier": 0,
            "considerationAmount": price_of["seller"],
            "offerer": sale.seller.address,
            "zone": NATIVE,
            "offerToken": sale.tickets.contract.address,
            "offerIdentifier": sale.token,
            "offerAmount": 1,
            "basicOrderType": _FOR_COIN if sale.coin is None else _FOR_ERC20,
            "startTime": 0,
            "endTime": LATER,
            "zoneHash": bytes(32),
            "salt": salt,
            "offererConduitKey": bytes(32),
            "fulfillerConduitKey": bytes(32),
            "totalOriginalAdditionalRecipients": 2,
            "additionalRecipients": [
                {"amount": ROYALTY, "recipient": TREASURY},
                {"amount": FEE, "recipient": PLATFORM},
            ],
            "signature": signature,
        }
        value = PRICE if sale.coin is None else 0
        return self.contract.send(sale.buyer, "fulfillBasicOrder_efficient_6GL6yc", [parameters], value=value)

    def _order(self, sale: Sale, amounts: list[int], salt: int) -> dict[str, Any]:
        paid = [
            {
                "itemType": _COIN if sale.coin is None else _ERC20,
                "token": sale.currency,
                "identifierOrCriteria": 0,
                "startAmount": amount,
                "endAmount": amount,
                "recipient": recipient,
            }
            for amount, recipient in zip(amounts, (sale.seller.address, TREASURY, PLATFORM), strict=True)
        ]
        offered = {
            "itemType": _ERC721,
            "token": sale.tickets.contract.address,
            "identifierOrCriteria": sale.token,
            "startAmount": 1,
            "endAmount": 1,
        }
        message = {
            "offerer": sale.seller.address,
            "zone": NATIVE,
            "offer": [offered],
            "consideration": paid,
            "orderType": 0,
            "startTime": 0,
            "endTime": LATER,
            "zoneHash": bytes(32),
            "salt": salt,
            "conduitKey": bytes(32),
            "counter": self.contract.ask("getCounter", sale.seller.address),
        }
        return typed_data.document(
            name="Seaport",
            version="1.6",
            chain_id=CHAIN_ID,
            verifying_contract=self.contract.address,
            types=_ORDER_TYPES,
            primary_type="OrderComponents",
            message=message,
        )


def ours(house: House) -> dict[str, float]:
    """Return the gas of a sale in our market: of a ticket that moved before, and of one fresh out of its batch."""
    found: dict[str, float] = {}
    for name, coin in _currencies(house).items():
        for suffix, moved in (("", True), ("_first", False)):
            with house.node.undone():
                tickets = house.collection(NATIVE if coin is None else coin.address)
                sale = _prepare(house, tickets, coin, house.market.address, moved=moved)
                found[f"resale_{name}{suffix}"] = _measured(house, sale, lambda sale: _settle(house, sale))
    return found


def seaport(house: House, codes: Mapping[str, Code]) -> dict[str, float]:
    """Return the gas of the same sales by Seaport. A ticket's first move is like any other there."""
    found: dict[str, float] = {}
    for name, coin in _currencies(house).items():
        with house.node.undone():
            peer = Seaport(house.node, codes)
            sale = _prepare(house, solady(house.node, codes), coin, peer.contract.address, moved=True)
            sale.tickets.contract.send(sale.seller.address, "setApprovalForAll", [peer.contract.address, True])
            found[f"resale_{name}"] = found[f"resale_{name}_first"] = _measured(house, sale, peer.settle)
    return found


def _currencies(house: House) -> dict[str, Contract | None]:
    return {"erc20": house.coin, "native": None}


def _prepare(house: House, tickets: Tickets, coin: Contract | None, spender: bytes, *, moved: bool) -> Sale:
    """Give the seller one ticket, everybody a balance, and the spender its approval of the coin."""
    seller, buyer = Signer.named("seller"), wallet("buyer of a ticket sold on")
    owners = sorted([*wallets("holder", 199), wallet("giver") if moved else seller.address])
    tickets.batch(wallets("of before", 50))
    _, tokens = tickets.batch(owners)
    held = dict(zip(owners, tokens, strict=True))
    if moved:
        tickets.transfer(wallet("giver"), seller.address, held[wallet("giver")])
    for account in (seller.address, TREASURY, PLATFORM):
        house.node.give(account, 10**20)
        house.endow(account, 1)
    house.endow(buyer, _COINS, spender)
    return Sale(tickets, held[wallet("giver") if moved else seller.address], seller, buyer, coin)


def _settle(house: House, sale: Sale) -> Receipt:
    listing = {
        "collection": sale.tickets.contract.address,
        "tokenId": sale.token,
        "seller": sale.seller.address,
        "epoch": sale.tickets.contract.ask("ticket", sale.token)["epoch"],
        "currency": sale.currency,
        "price": PRICE,
        "expiry": LATER,
        "maxRoyaltyBps": ROYALTY_BPS,
        "maxFeeBps": FEE_BPS,
        "counter": house.market.ask("counterOf", sale.seller.address),
        "nonce": bytes(range(1, 33)),
    }
    fields = house.market.fields("buy", "l")
    signature = sale.seller.sign(house.market.document("Backstage Market", "Listing", fields, listing))
    value = PRICE if sale.coin is None else 0
    return house.market.send(sale.buyer, "buy", [listing, signature, [], PRICE, NO_PERMIT], value=value)


def _measured(house: House, sale: Sale, settle: Callable[[Sale], Receipt]) -> int:
    """Settle, and look at every balance to the smallest unit."""
    parties = {"seller": sale.seller.address, "buyer": sale.buyer, "royalty": TREASURY, "fee": PLATFORM}

    def balances() -> dict[str, int]:
        if sale.coin is None:
            return {name: house.node.wei(account) for name, account in parties.items()}
        return {name: sale.coin.ask("balanceOf", account) for name, account in parties.items()}

    ticket = sale.tickets.contract
    if ticket.ask("ownerOf", sale.token) != sale.seller.address or ticket.ask("balanceOf", sale.buyer) != 0:
        raise Wrong("the sale does not begin as it should")
    before = balances()
    receipt = settle(sale)
    after = balances()
    got = {name: after[name] - before[name] for name in parties}
    if sale.coin is None:
        got["buyer"] += receipt.paid
    if got != {"seller": PRICE - ROYALTY - FEE, "buyer": -PRICE, "royalty": ROYALTY, "fee": FEE}:
        raise Wrong(f"the sale paid {got}")
    if ticket.ask("ownerOf", sale.token) != sale.buyer or ticket.ask("balanceOf", sale.seller.address) != 0:
        raise Wrong("the ticket did not change hands")
    return receipt.gas
