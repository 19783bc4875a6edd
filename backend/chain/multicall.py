"""Many questions to contracts in one eth_call, by code that is run and never deployed.

The call has no `to`: its data is the program below followed by the questions, and what the program returns is the
answer (as ERC-6492 does it). Nothing of ours need be deployed, and any block can be asked, also one before any helper
contract. A question is 88 bytes: the contract's address (20) and its call data (up to 68, zeros after it, which ABI
decoders ignore). Its answer is one word: keccak256 of what the contract returned, or zero when it reverted. A node
treats what is returned as code, so it is at most 24,576 bytes (EIP-170), the data at most 49,152 (EIP-3860), and the
answers stand behind a STOP byte: code must not begin with 0xEF (EIP-3541), as one hash of 256 does.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak

ADDRESS_BYTES, DATA_BYTES, WORD = 20, 68, 32
AT_ONCE = 500
"""Questions a call may hold: 44,000 bytes of data, 16,000 of answer."""
REVERTED = bytes(WORD)
_STOP = b"\0"

_QUESTION = ADDRESS_BYTES + DATA_BYTES
# On the stack between the lines, top first: where the next answer goes, where the next question stands.
_LINES = (
    "60 {start} 60 60",  # questions follow the program; answers begin at 0x60 of memory
    "5b",  # loop, at byte 4
    "38 82 10 15 60 {done} 57",  # no question left: done
    "60 58 82 60 00 39",  # the question's 88 bytes to memory 0
    "60 00 60 00 60 44 60 14 60 00 51 60 60 1c 5a fa",  # STATICCALL: address at 0, 68 bytes of data at 20
    "3d 60 00 61 80 00 3e",  # what came back, to 0x8000
    "3d 61 80 00 20 02",  # its KECCAK256, times success
    "81 52 60 20 01",  # kept; the next answer goes 32 bytes on
    "90 60 58 01 90",  # the next question stands 88 bytes on
    "60 04 56",
    "5b 60 5f 90 03 60 5f f3",  # done: return the answers and the byte before them, which nothing has written
)


def _assembled() -> bytes:
    sizes = [len(line.format(start="00", done="00").replace(" ", "")) // 2 for line in _LINES]
    start, done = sum(sizes), sum(sizes[:-1])
    return bytes.fromhex(" ".join(_LINES).format(start=f"{start:02x}", done=f"{done:02x}"))


_PROGRAM = _assembled()


def question(contracts: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the data of one eth_call that asks each (address, call data). Raises ValueError when it does not fit."""
    if len(contracts) > AT_ONCE or any(len(data) > DATA_BYTES for _, data in contracts):
        raise ValueError(f"at most {AT_ONCE} questions of at most {DATA_BYTES} bytes fit into a call")
    return _PROGRAM + b"".join(address + data.ljust(DATA_BYTES, b"\0") for address, data in contracts)


def answers(returned: bytes, asked: int) -> list[bytes]:
    """Return one word for each question. Raises ValueError when the node answered something else."""
    words = returned.removeprefix(_STOP)
    if len(returned) - len(words) != len(_STOP) or len(words) != asked * WORD:
        raise ValueError(f"{asked} questions were answered by {len(returned)} bytes")
    return [words[at : at + WORD] for at in range(0, len(words), WORD)]


def word_of(expected: bytes | None) -> bytes:
    """Return the answer that means that the contract returned `expected`; None: that it reverted."""
    return REVERTED if expected is None else bytes(keccak(expected))
