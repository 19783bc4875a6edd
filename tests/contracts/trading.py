"""What tests of the market share: signed listings, offers and turns, and who has how much."""

from contextlib import contextmanager

import ape
import pytest
from eth_utils import keccak
from signing import LISTING, NO_PERMIT, OFFER, TURN, listing, offer, turn
from world import FACE, ZERO, token

ANNAS, BENS = token(1, 0), token(1, 1)
ALWAYS = 2**64 - 1


def message(fields, values):
    return dict(zip(fields, values, strict=True))


class Desk:
    """Signs and sends for one collection on one market."""

    def __init__(self, market, collection, people, currency):
        self.market = market
        self.collection = collection
        self.people = people
        self.currency = str(getattr(currency, "address", currency))

    def listing(self, **changes):
        return {
            "collection": self.collection.address,
            "tokenId": ANNAS,
            "seller": self.people.anna.address,
            "epoch": 0,
            "currency": self.currency,
            "price": FACE,
            "expiry": ALWAYS,
            "maxRoyaltyBps": 1000,
            "maxFeeBps": 1000,
            "counter": 0,
            "nonce": bytes(32),
        } | changes

    def buy(self, given=None, signature=None, *, proof=(), most=2**256 - 1, permit=NO_PERMIT, sender=None, value=None):
        """Cleo buys Anna's ticket."""
        given = given or self.listing()
        if signature is None:
            signature = listing(self.people.anna, given, self.market.address)
        if value is None:
            value = given["price"] if given["currency"] == ZERO else 0
        sender = sender or self.people.cleo
        return self.market.buy(tuple(given.values()), signature, list(proof), most, permit, sender=sender, value=value)

    def offer(self, **changes):
        return {
            "collection": self.collection.address,
            "tokenId": ANNAS,
            "epoch": 0,
            "buyer": self.people.cleo.address,
            "currency": self.currency,
            "price": FACE,
            "expiry": ALWAYS,
            "counter": 0,
            "nonce": bytes(32),
        } | changes

    def accept(self, given=None, signature=None, *, least=0, permit=NO_PERMIT, sender=None):
        """Anna accepts Cleo's offer."""
        given = given or self.offer()
        signature = offer(self.people.cleo, given, self.market.address) if signature is None else signature
        sender = sender or self.people.anna
        return self.market.acceptOffer(tuple(given.values()), signature, least, permit, sender=sender)

    def turn(self, **changes):
        return {
            "collection": self.collection.address,
            "tokenId": ANNAS,
            "epoch": 0,
            "seller": self.people.anna.address,
            "next": self.people.cleo.address,
            "price": FACE,
            "deadline": ALWAYS,
        } | changes

    def sell_back(self, given=None, signature=None, *, sender=None):
        """Anna sells her ticket back; Cleo is next."""
        given = given or self.turn()
        signature = turn(self.people.quote_signer, given, self.market.address) if signature is None else signature
        return self.market.sellBack(tuple(given.values()), signature, sender=sender or self.people.anna)


def type_hash(name, fields):
    return keccak(text=f"{name}({','.join(f'{kind} {field}' for field, kind in fields.items())})")


def struct_hash(name, values):
    """EIP-712 for structs of words only."""
    fields = {"Listing": LISTING, "Offer": OFFER, "Turn": TURN}[name]
    words = [type_hash(name, fields)]
    for field in fields:
        value = values[field]
        if isinstance(value, str):
            value = bytes.fromhex(value[2:])
        words.append(value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0"))
    return keccak(b"".join(words))


def pair(one, other):
    return keccak(min(one, other) + max(one, other))


@contextmanager
def refused(name):
    """Expect a collection's error that another contract passes on: Ape knows it by name, or by its bytes only."""
    with pytest.raises(ape.exceptions.ContractLogicError) as caught:
        yield
    errors = {
        f"0x{keccak(text=abi.selector)[:4].hex()}": abi.name
        for abi in ape.project.TicketCollection.contract_type.errors
    }
    assert name in {type(caught.value).__name__, errors.get(str(caught.value)[:10])}


def shares(price, royalty_bps=500, fee_bps=250):
    """What seller, royalty receiver and fee receiver get of a price."""
    royalty, fee = price * royalty_bps // 10_000, price * fee_bps // 10_000
    return price - royalty - fee, royalty, fee
