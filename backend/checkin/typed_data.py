"""The EIP-712 words a holder's wallet signs at the door, rebuilt from the challenge's row and nothing else."""

from typing import Any

from backend.accounts.addresses import show_address
from backend.checkin.models import DoorChallenge

DOMAIN_NAME = "Backstage Door"
DOMAIN_VERSION = "1"
_EIP155 = "eip155:"

_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Admission": [
        {"name": "eventId", "type": "bytes32"},
        {"name": "collection", "type": "address"},
        {"name": "tokenId", "type": "uint256"},
        {"name": "epoch", "type": "uint32"},
        {"name": "holder", "type": "address"},
        {"name": "gate", "type": "string"},
        {"name": "challenge", "type": "bytes32"},
        {"name": "expiresAt", "type": "uint64"},
    ],
}


def admission(challenge: DoorChallenge) -> dict[str, Any]:
    """Return `{types, primaryType, domain, message}` as eth_signTypedData_v4 takes it.

    `eventId` is the event's UUID right-aligned in 32 bytes, as in the collection's eventRef; `expiresAt` is in
    seconds; `verifyingContract` is the collection, so a signature for one event's door opens no other.
    """
    collection = show_address(challenge.collection)
    return {
        "types": _TYPES,
        "primaryType": "Admission",
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": int(challenge.network.removeprefix(_EIP155)),
            "verifyingContract": collection,
        },
        "message": {
            "eventId": f"0x{challenge.event_id.int:064x}",
            "collection": collection,
            "tokenId": challenge.token_id,
            "epoch": challenge.epoch,
            "holder": show_address(challenge.holder),
            "gate": challenge.gate,
            "challenge": f"0x{challenge.nonce.hex()}",
            "expiresAt": int(challenge.expires_at.timestamp()),
        },
    }
