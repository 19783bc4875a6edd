"""A few EVM instructions that answer for a wallet that does not exist yet (ERC-6492).

They run as creation code inside one `eth_call`, so nothing is deployed and nothing stays: they let the wallet's factory
make it, then ask the new wallet whether the signature is its own (ERC-1271), and return its answer. We assemble our
own dozen lines instead of carrying somebody's compiled contract, so that every byte the node runs is explained here.
"""

from backend.accounts.addresses import ADDRESS_BYTES

_WORD = 32

# Opcodes (Yellow paper, appendix H; PUSH0 is left out, so that chains before Shanghai run it too).
_LT, _ISZERO, _AND = b"\x10", b"\x15", b"\x16"
_CODECOPY, _RETURNDATASIZE = b"\x39", b"\x3d"
_POP, _MSTORE, _GAS = b"\x50", b"\x52", b"\x5a"
_CALL, _RETURN, _STATICCALL = b"\xf1", b"\xf3", b"\xfa"


def _push(value: int | bytes, size: int = 3) -> bytes:
    data = value.to_bytes(size) if isinstance(value, int) else value
    return bytes([0x5F + len(data)]) + data


def program(factory: bytes, factory_call: bytes, wallet: bytes, question: bytes) -> bytes:
    """Return creation code that calls `factory` with `factory_call`, then `wallet` with `question`.

    It returns two words: 1 when the wallet answered with at least a word (else 0), and that word. A factory that
    fails is no failure yet: the wallet may be there already. Only the wallet's answer counts.
    """
    if not len(factory) == len(wallet) == ADDRESS_BYTES:
        raise ValueError("addresses have 20 bytes")
    called, asked = len(factory_call), len(question)
    answer = called + asked  # where in memory the two words go: behind the two inputs

    def assemble(start: int) -> bytes:
        return b"".join(
            [
                # memory[0:answer] = both inputs, which stand behind these instructions in the code
                _push(answer), _push(start), _push(0), _CODECOPY,
                # factory.call(factory_call), without value; whether it worked is dropped
                _push(0), _push(0), _push(called), _push(0), _push(0), _push(factory), _GAS, _CALL, _POP,
                # worked = wallet.staticcall(question), the first word of its output behind the flag
                _push(_WORD), _push(answer + _WORD), _push(asked), _push(called), _push(wallet), _GAS, _STATICCALL,
                # flag = worked and at least a word came back
                _push(_WORD), _RETURNDATASIZE, _LT, _ISZERO, _AND, _push(answer), _MSTORE,
                _push(2 * _WORD), _push(answer), _RETURN,
            ]
        )  # fmt: skip

    # Every push has a fixed width, so the length does not depend on the offset written into it.
    instructions = assemble(len(assemble(0)))
    return instructions + factory_call + question


def says(answer: bytes, magic: bytes) -> bool:
    """Whether the program's output is the wallet's yes: the flag, and `magic` alone in its word."""
    return answer == (1).to_bytes(_WORD) + magic.ljust(_WORD, b"\0")
