"""Who may receive a ticket, as the collection will decide it. Asks the network: call it outside of transactions."""

from collections.abc import Iterable

from eth_hash.auto import keccak

from backend.chain import abi
from backend.chain.port import ChainPort
from backend.tickets.rules import ADDRESS_BYTES, is_plain_wallet

_PROXIES = (
    (bytes.fromhex("363d3d373d3d3d363d73"), bytes.fromhex("5af43d82803e903d91602b57fd5bf3")),
    (bytes.fromhex("3d3d3d3d363d3d37363d73"), bytes.fromhex("5af43d3d93803e602a57fd5bf3")),
)
"""Beginning and end of the two minimal proxies, ERC-1167's and Solady's shorter one; the address stands between."""


def implementation_of(code: bytes) -> bytes | None:
    """Return the address a minimal proxy with this code stands for; None for any other code."""
    for head, tail in _PROXIES:
        if len(code) == len(head) + ADDRESS_BYTES + len(tail) and code.startswith(head) and code.endswith(tail):
            return code[len(head) : len(head) + ADDRESS_BYTES]
    return None


def may_receive(port: ChainPort, collection: bytes, address: bytes) -> bool:
    """Tell whether the collection's transfer hook would admit `address` now.

    Plain and EIP-7702 delegated wallets may; contracts only if the promoter allowed their code hash (a minimal
    proxy's: its implementation's). Raises ChainUnreachable.
    """
    if address == collection:
        return False
    code = port.code_at(address)
    if is_plain_wallet(code):
        return True
    implementation = implementation_of(code)
    code_hash = keccak(port.code_at(implementation) if implementation else code)
    answer = port.call(collection, abi.encode_call("TicketCollection", "isReceiverCodeHash", [code_hash]))
    return bool(abi.decode_output("TicketCollection", "isReceiverCodeHash", answer))


_HAS_CODE = bytes.fromhex(
    "602f380380602f5f395f5f"  # L = size of the addresses; copy them to memory; i = 0, k = 0
    "5b8282101560" + "2a57"  # while i < L:
    "815160601c3b1515"  # does the address at i have code?
    "818401536001019060140190600b56"  # memory[L + k] = that; k += 1; i += 20
    "5b919050f3"  # return memory[L : L + k]
)
"""EVM creation code that is followed by addresses (20 bytes each) and returns one byte for each: 1 if it has code.

Run by eth_call it creates nothing. One question for a thousand wallets instead of a thousand questions.
"""
_AT_ONCE = 2_000
"""Creation code may have 49,152 bytes (EIP-3860)."""


def with_code(port: ChainPort, addresses: Iterable[bytes]) -> list[bytes]:
    """Return those of `addresses` at which there is code, in order. Raises ChainUnreachable."""
    wanted = sorted(set(addresses))
    found: list[bytes] = []
    for start in range(0, len(wanted), _AT_ONCE):
        chunk = wanted[start : start + _AT_ONCE]
        answer = port.call(None, _HAS_CODE + b"".join(chunk))
        found += [address for address, has_code in zip(chunk, answer, strict=True) if has_code]
    return found


def refused(port: ChainPort, collection: bytes, recipients: Iterable[bytes]) -> frozenset[bytes]:
    """Return those the hook would not admit: a mint would leave their ticket where they cannot use it."""
    wallets = set(recipients)
    doubtful = {collection} & wallets | set(with_code(port, wallets))
    return frozenset(address for address in doubtful if not may_receive(port, collection, address))
