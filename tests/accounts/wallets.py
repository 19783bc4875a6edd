"""Contract wallets in a few instructions each, for tests: one owner, ERC-1271, and a factory for ERC-6492."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from backend.accounts.proofs.verify import MAGIC_1271, MAGIC_6492


def wallet_code(owner: bytes) -> bytes:
    """Return the runtime code of a wallet whose `isValidSignature(hash, sig)` recovers `sig` to `owner`."""
    return b"".join([
        bytes.fromhex("600435" "600052"),  # memory[0] = hash
        bytes.fromhex("60a435" "60001a" "602052"),  # memory[32] = v, the first byte behind r and s
        bytes.fromhex("606435" "604052"),  # memory[64] = r
        bytes.fromhex("608435" "606052"),  # memory[96] = s
        bytes.fromhex("6020" "6000" "6080" "6000" "6001" "5a" "fa" "50"),  # memory[0] = ecrecover
        bytes.fromhex("600051" "73") + owner + bytes.fromhex("14"),  # is it the owner?
        bytes.fromhex("63") + MAGIC_1271 + bytes.fromhex("60e01b" "02" "600052"),  # the magic, or zero
        bytes.fromhex("6020" "6000" "f3"),
    ])  # fmt: skip


def creation_code(runtime: bytes) -> bytes:
    """Return creation code that deploys `runtime`."""
    return bytes.fromhex("61") + len(runtime).to_bytes(2) + bytes.fromhex("80600c6000396000f3") + runtime


FACTORY_CODE = bytes.fromhex("36600060003760003660006000f500")
"""Deploys the creation code it is called with by CREATE2, salt zero."""


def address_from(factory: bytes, creation: bytes) -> bytes:
    """Return where `factory` deploys `creation` (EIP-1014)."""
    return keccak(b"\xff" + factory + bytes(32) + keccak(creation))[12:]


def wrap(factory: bytes, factory_call: bytes, signature: bytes) -> bytes:
    """Return the ERC-6492 form of a signature."""
    return encode(["address", "bytes", "bytes"], ["0x" + factory.hex(), factory_call, signature]) + MAGIC_6492


class PlainChain:
    """A network on which everybody has a plain wallet; counts what it is asked."""

    def __init__(self, code: dict[bytes, bytes] | None = None, answers: dict[bytes, bytes] | None = None) -> None:
        self.code, self.answers, self.asked = code or {}, answers or {}, 0

    def code_at(self, address):
        self.asked += 1
        return self.code.get(address, b"")

    def call(self, to, _data):
        self.asked += 1
        return self.answers.get(to, b"")
