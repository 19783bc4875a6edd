"""ERC-2612: a holder's signed approval that goes along with the call that spends it, so that buying is one transaction.

A contract wallet cannot sign one; it approves by a transaction of its own, and the allowance counts.
"""

from typing import Any, TypedDict

from backend.chain import abi, typed_data
from backend.chain.port import ChainPort

_TOKEN = "BKS"  # noqa: S105 - an artifact's name
_PERMIT: typed_data.Fields = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
_SIGNATURE_BYTES = 65


class Permit(TypedDict):
    """The contracts' `Permit`; `value` in base units, `deadline` in Unix seconds."""

    value: int
    deadline: int
    v: int
    r: bytes
    s: bytes


NONE: Permit = {"value": 0, "deadline": 0, "v": 0, "r": bytes(32), "s": bytes(32)}
"""No permit: the allowance alone decides."""


def document(port: ChainPort, token: bytes, owner: bytes, spender: bytes, value: int, deadline: int) -> dict[str, Any]:
    """Return the typed data that lets `spender` take `value` of our token from `owner` once. Asks the network."""
    nonce = abi.decode_output(_TOKEN, "nonces", port.call(token, abi.encode_call(_TOKEN, "nonces", [owner])))
    return typed_data.document(
        name="Backstage",
        version="1",
        chain_id=port.chain_id(),
        verifying_contract=token,
        types={"Permit": _PERMIT},
        primary_type="Permit",
        message={"owner": owner, "spender": spender, "value": value, "nonce": nonce, "deadline": deadline},
    )


def allowance(port: ChainPort, token: bytes, owner: bytes, spender: bytes) -> int:
    """Return how much of our token `spender` may take from `owner` already. Asks the network."""
    data = abi.encode_call(_TOKEN, "allowance", [owner, spender])
    return int(abi.decode_output(_TOKEN, "allowance", port.call(token, data)))


def signed(value: int, deadline: int, signature: bytes) -> Permit:
    """Return the permit that a wallet's 65-byte signature makes. Raises ValueError for another length."""
    if len(signature) != _SIGNATURE_BYTES:
        raise ValueError(f"a permit's signature has {_SIGNATURE_BYTES} bytes, not {len(signature)}")
    return {"value": value, "deadline": deadline, "v": signature[64], "r": signature[:32], "s": signature[32:64]}
