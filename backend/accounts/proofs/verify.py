"""The one judge of EVM signatures: wrapped (ERC-6492), then contract (ERC-1271), then plain (ecrecover).

The order is the standard's. A wrapped signature is never read as a plain one, and a contract's word is final; only an
account delegated by EIP-7702 may be vouched for by its code or, when that declines, by its own key, which still
controls it. Asking the chain is a network call: never do it inside an open transaction.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

from backend.accounts.addresses import ADDRESS_BYTES, ZERO_ADDRESS
from backend.accounts.errors import BadSignature
from backend.accounts.proofs import deployless, digests, ecdsa
from backend.chain.port import CallReverted

MAGIC_6492 = bytes.fromhex("6492" * 16)
"""The last 32 bytes of a signature of a wallet that may not be deployed yet."""
MAGIC_1271 = bytes.fromhex("1626ba7e")
"""What `isValidSignature(bytes32,bytes)` answers to a good signature; also its selector."""
_DELEGATION = bytes.fromhex("ef0100")
_DELEGATION_BYTES = len(_DELEGATION) + ADDRESS_BYTES
LONGEST_SIGNATURE = 16_384
"""Bytes. Room for passkey and multi-owner wallets; a bound on what a stranger makes us and the node compute."""


class Proof(StrEnum):
    """How a signature was proved."""

    PLAIN = "PLAIN"
    CONTRACT = "CONTRACT"
    UNDEPLOYED = "UNDEPLOYED"


class Chain(Protocol):
    """The two questions asked of a network; `chain.port.ChainPort` answers them."""

    def call(self, to: bytes | None, data: bytes) -> bytes:
        """Return a call's output; with `to` None, that of creation code. Raises CallReverted."""
        ...

    def code_at(self, address: bytes) -> bytes:
        """Return the code at `address`."""
        ...


def verify_message(address: bytes, message: str, signature: bytes, chain: Chain) -> Proof:
    """Prove that `address` signed `message` (EIP-191). Raises BadSignature, ChainUnreachable."""
    return verify_digest(address, digests.of_message(message), signature, chain)


def verify_typed_data(address: bytes, typed_data: Mapping[str, Any], signature: bytes, chain: Chain) -> Proof:
    """Prove that `address` signed `typed_data` (EIP-712). Raises BadSignature, ChainUnreachable."""
    return verify_digest(address, digests.of_typed_data(typed_data), signature, chain)


def verify_digest(address: bytes, digest: bytes, signature: bytes, chain: Chain) -> Proof:
    """Prove that `address` (20 bytes) signed the 32-byte `digest`. Raises BadSignature, ChainUnreachable."""
    if address == ZERO_ADDRESS:
        raise BadSignature(reason="zero_address")
    if len(signature) > LONGEST_SIGNATURE:
        raise BadSignature(reason="length")
    code = chain.code_at(address)
    if signature.endswith(MAGIC_6492):
        return _wrapped(address, digest, signature[: -len(MAGIC_6492)], code, chain)
    if code:
        if _contract_agrees(address, digest, signature, chain):
            return Proof.CONTRACT
        if not _is_delegated(code):
            raise BadSignature(reason="refused_by_wallet")
    if ecdsa.recover(digest, signature) != address:
        raise BadSignature(reason="other_signer")
    return Proof.PLAIN


def unwrapped(signature: bytes) -> bytes:
    """Return a signature without its ERC-6492 wrapper, as a contract that stands on chain is asked about it.

    Raises BadSignature.
    """
    if not signature.endswith(MAGIC_6492):
        return signature
    return _unwrap(signature[: -len(MAGIC_6492)])[2]


def _unwrap(wrapper: bytes) -> tuple[str, bytes, bytes]:
    # Loaded when there is something to prove: the index imports this module and never proves anything.
    from eth_abi.abi import decode  # noqa: PLC0415
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415

    try:
        factory, factory_call, signature = decode(["address", "bytes", "bytes"], wrapper)
    except (DecodingError, OverflowError) as error:
        raise BadSignature(reason="malformed_wrapper") from error
    return factory, factory_call, signature


def _wrapped(address: bytes, digest: bytes, wrapper: bytes, code: bytes, chain: Chain) -> Proof:
    factory, factory_call, signature = _unwrap(wrapper)
    if code and _contract_agrees(address, digest, signature, chain):
        return Proof.CONTRACT
    # Not deployed, or deployed and not yet prepared: run the factory and ask again, in one call that changes nothing.
    program = deployless.program(bytes.fromhex(factory[2:]), factory_call, address, _question(digest, signature))
    try:
        answer = chain.call(None, program)
    except CallReverted as error:
        raise BadSignature(reason="undeployed") from error
    if not deployless.says(answer, MAGIC_1271):
        raise BadSignature(reason="refused_by_wallet" if code else "undeployed")
    return Proof.UNDEPLOYED


def _contract_agrees(address: bytes, digest: bytes, signature: bytes, chain: Chain) -> bool:
    try:
        answer = chain.call(address, _question(digest, signature))
    except CallReverted:
        return False
    # Exactly one word: bytes4 left-aligned, nothing behind it. A contract that answers anything to everybody (a
    # fallback that echoes, say) does not pass.
    return answer == MAGIC_1271.ljust(32, b"\0")


def _question(digest: bytes, signature: bytes) -> bytes:
    from eth_abi.abi import encode  # noqa: PLC0415 - as above

    return MAGIC_1271 + encode(["bytes32", "bytes"], [digest, signature])


def _is_delegated(code: bytes) -> bool:
    return len(code) == _DELEGATION_BYTES and code.startswith(_DELEGATION)
