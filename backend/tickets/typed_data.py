"""The EIP-712 words that are signed about collections and claims; types and domains as in docs/contracts.md."""

from typing import Any, TypedDict
from uuid import UUID

from backend.chain import typed_data as eip712
from backend.chain.networks import network as known_network

_CONSENT: eip712.Fields = (
    ("promoter", "address"),
    ("eventRef", "bytes32"),
    ("version", "uint32"),
    ("name", "string"),
    ("symbol", "string"),
    ("baseURI", "string"),
    ("maxSupply", "uint64"),
    ("royaltyReceiver", "address"),
    ("royaltyBps", "uint96"),
    ("minter", "address"),
    ("minterAllowance", "uint64"),
    ("claimSigner", "address"),
    ("claimsPerDay", "uint32"),
    ("operator", "address"),
    ("guardian", "address"),
    ("mintsPerDay", "uint32"),
    ("quoteSigner", "address"),
    ("quotesPerDay", "uint32"),
    ("market", "address"),
    ("resaleCurrency", "address"),
    ("treasury", "address"),
    ("feeReceiver", "address"),
    ("rules", "Rules"),
    ("tiers", "TierTerms[]"),
    ("deadline", "uint64"),
)
_RULES: eip712.Fields = (
    ("resale", "bool"),
    ("capBps", "uint16"),
    ("giftLimit", "uint8"),
    ("giftCoolOff", "uint32"),
    ("freezeAt", "uint64"),
    ("resaleHold", "uint32"),
    ("maxPerWallet", "uint32"),
)
_TERMS: eip712.Fields = (("tier", "uint16"), ("face", "uint96"), ("paid", "uint64"), ("list", "uint64"))
_CLAIM: eip712.Fields = (
    ("tokenId", "uint256"),
    ("recipient", "address"),
    ("epoch", "uint32"),
    ("deadline", "uint64"),
    ("nonce", "bytes32"),
)
PARAMS = tuple(name for name, _ in _CONSENT if name != "deadline")
"""The fields of the factory's `Params`, in its order."""
ADDRESSES = frozenset(name for name, kind in _CONSENT if kind == "address")
"""Those of them that are addresses."""


class ClaimMessage(TypedDict):
    """The contract's `Claim`, as JSON: addresses and bytes as 0x-hex, `deadline` in Unix seconds."""

    tokenId: int
    recipient: str
    epoch: int
    deadline: int
    nonce: str


def event_ref(event_id: UUID) -> bytes:
    """Return the event's id as the chain knows it: the UUID right-aligned in 32 bytes."""
    return event_id.int.to_bytes(32, "big")


def consent(network: str, factory: bytes, message: dict[str, Any]) -> dict[str, Any]:
    """Return what a promoter signs: all parameters of the collection and until when they may be used."""
    types = {"CollectionConsent": _CONSENT, "Rules": _RULES, "TierTerms": _TERMS}
    return _document("CollectionConsent", types, "Backstage Factory", network, factory, message)


def claim_voucher(network: str, collection: bytes, message: ClaimMessage) -> dict[str, Any]:
    """Return what the platform's claim key signs."""
    return _document("ClaimVoucher", {"ClaimVoucher": _CLAIM}, "Backstage Tickets", network, collection, dict(message))


def claim_acceptance(network: str, collection: bytes, message: ClaimMessage) -> dict[str, Any]:
    """Return what the recipient signs."""
    types = {"ClaimAcceptance": _CLAIM}
    return _document("ClaimAcceptance", types, "Backstage Tickets", network, collection, dict(message))


def _document(
    name: str,
    types: dict[str, eip712.Fields],
    domain: str,
    network: str,
    contract: bytes,
    message: dict[str, Any],
) -> dict[str, Any]:
    return eip712.document(
        name=domain,
        version="1",
        chain_id=known_network(network).chain_id,
        verifying_contract=contract,
        types=types,
        primary_type=name,
        message=message,
    )
