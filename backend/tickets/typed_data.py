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
    ("deadline", "uint64"),
)
_CLAIM: eip712.Fields = (
    ("tokenId", "uint256"),
    ("recipient", "address"),
    ("epoch", "uint32"),
    ("deadline", "uint64"),
    ("nonce", "bytes32"),
)
PARAMS = tuple(name for name, _ in _CONSENT if name != "deadline")
"""The fields of the factory's `Params`, in its order."""


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
    return _document("CollectionConsent", _CONSENT, "Backstage Factory", network, factory, message)


def claim_voucher(network: str, collection: bytes, message: ClaimMessage) -> dict[str, Any]:
    """Return what the platform's claim key signs."""
    return _document("ClaimVoucher", _CLAIM, "Backstage Tickets", network, collection, dict(message))


def claim_acceptance(network: str, collection: bytes, message: ClaimMessage) -> dict[str, Any]:
    """Return what the recipient signs."""
    return _document("ClaimAcceptance", _CLAIM, "Backstage Tickets", network, collection, dict(message))


def _document(
    name: str, fields: eip712.Fields, domain: str, network: str, contract: bytes, message: dict[str, Any]
) -> dict[str, Any]:
    return eip712.document(
        name=domain,
        version="1",
        chain_id=known_network(network).chain_id,
        verifying_contract=contract,
        types={name: fields},
        primary_type=name,
        message=message,
    )
