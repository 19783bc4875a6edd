"""The EIP-712 words of the market; types and domain as in docs/contracts.md."""

from typing import Any

from backend.chain import typed_data as eip712
from backend.chain.networks import network as known_network
from backend.resale import merkle
from backend.resale.models import MarketOrder
from backend.resale.states import Kind

_LISTING: eip712.Fields = (
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
_OFFER: eip712.Fields = (
    ("collection", "address"),
    ("tokenId", "uint256"),
    ("epoch", "uint32"),
    ("buyer", "address"),
    ("currency", "address"),
    ("price", "uint256"),
    ("expiry", "uint64"),
    ("counter", "uint64"),
    ("nonce", "bytes32"),
)
_TURN: eip712.Fields = (
    ("collection", "address"),
    ("tokenId", "uint256"),
    ("epoch", "uint32"),
    ("seller", "address"),
    ("next", "address"),
    ("price", "uint256"),
    ("deadline", "uint64"),
)
_TREE: eip712.Fields = (("root", "bytes32"),)
_TYPES: dict[str, tuple[str, eip712.Fields]] = {
    Kind.LISTING: ("Listing", _LISTING),
    Kind.OFFER: ("Offer", _OFFER),
    Kind.TURN: ("Turn", _TURN),
}


def message(order: MarketOrder) -> dict[str, Any]:
    """Return the contract's struct: what is signed, hashed and sent. Addresses and hashes are bytes."""
    said = {
        "collection": order.collection,
        "tokenId": order.token_id,
        "seller": order.signer,
        "buyer": order.signer,
        "next": order.next_wallet,
        "epoch": order.epoch,
        "currency": order.currency,
        "price": order.price,
        "expiry": int(order.expires_at.timestamp()),
        "deadline": int(order.expires_at.timestamp()),
        "maxRoyaltyBps": order.max_royalty_bps,
        "maxFeeBps": order.max_fee_bps,
        "counter": order.counter,
        "nonce": order.nonce,
    }
    _, fields = _TYPES[order.kind]
    return {name: said[name] for name, _ in fields}


def order_hash(order: MarketOrder) -> bytes:
    """Return the struct hash by which the market's logs and `cancel` name the order."""
    name, fields = _TYPES[order.kind]
    return eip712.struct_hash({name: fields}, name, message(order))


def document(order: MarketOrder) -> dict[str, Any]:
    """Return the order's own words, as eth_signTypedData_v4 takes them."""
    name, fields = _TYPES[order.kind]
    return _document(order, name, fields, message(order))


def signed_document(order: MarketOrder) -> dict[str, Any]:
    """Return what is signed for the order: its own words, or the root of the tree it is a leaf of."""
    if order.proof is None:
        return document(order)
    return _document(order, "ListingTree", _TREE, {"root": root(order)})


def root(order: MarketOrder) -> bytes:
    """Return the root of the tree in which the order is a leaf."""
    return merkle.climb(order.order_hash, order.proof or [])


def _document(order: MarketOrder, name: str, fields: eip712.Fields, said: dict[str, Any]) -> dict[str, Any]:
    return eip712.document(
        name="Backstage Market",
        version="1",
        chain_id=known_network(order.network).chain_id,
        verifying_contract=order.market,
        types={name: fields},
        primary_type=name,
        message=said,
    )
