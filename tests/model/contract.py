"""What a collection does with batches and statuses, as a contract of the chain in memory.

It keeps the rules of `contracts/base/Minting.sol` that the pipeline leans on: numbers count without a gap, one is
consumed once by minting or cancelling, a pause stops mints and not cancellations, statuses move along their edges.
"""

from dataclasses import dataclass, field

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from backend.chain import abi
from backend.chain.fake import FakeCall, FakeLog, Storage
from backend.chain.port import CallReverted
from backend.tickets.receivers import _HAS_CODE
from backend.tickets.rules import ADDRESS_BYTES, ZERO_ADDRESS, decode_entries, token_id

_NAME = "TicketCollection"
_SAMPLE = {
    "mintBatch": [1, b""], "cancelBatch": [1], "batchState": [1], "ticket": [1], "setStatus": [[1], 1],
    "rotateMinter": [bytes(20)],
}  # fmt: skip
_SELECTOR = {abi.encode_call(_NAME, name, arguments)[:4]: name for name, arguments in _SAMPLE.items()}
_UNUSED, _MINTED, _CANCELLED = 0, 1, 2
_LIVE, _LOCKED, _USED, _VOID = range(4)
_STATUS_EDGES = {(_LIVE, _LOCKED), (_LOCKED, _LIVE)} | {(a, b) for a in (_LIVE, _LOCKED) for b in (_USED, _VOID)}


def _refuse(signature: str, *words: int) -> CallReverted:
    return CallReverted(keccak(text=signature)[:4] + b"".join(word.to_bytes(32) for word in words))


def _word(value: bytes | int) -> bytes:
    return value.to_bytes(32) if isinstance(value, int) else value.rjust(32, b"\0")


def has_no_code(call: FakeCall, _storage: Storage) -> tuple[bytes, list[FakeLog]]:
    """Answer the creation code that asks which addresses have code: none has."""
    return bytes((len(call.data) - len(_HAS_CODE)) // ADDRESS_BYTES), []


@dataclass
class FakeCollection:
    """The contract. `is_paused` is the guardian's switch and no part of the chain that a reorg undoes."""

    is_paused: bool = False
    roles: dict[str, bytes] = field(default_factory=dict)
    """Who has which role at first; a rotation is written into the chain."""

    def __call__(self, call: FakeCall, storage: Storage) -> tuple[bytes, list[FakeLog]]:
        """Run one call."""
        name = _SELECTOR[call.data[:4]]
        return getattr(self, f"_{name}")(call, storage, call.data[4:])

    def _only(self, role: str, call: FakeCall, storage: Storage) -> None:
        if call.sender != storage.get(role, self.roles[role]):
            raise _refuse("NotMinter()" if role == "minter" else "NotOperator()")

    def _consume(self, storage: Storage, number: int, state: int, contents: bytes) -> None:
        expected = storage.get("next", 1)
        if number != expected:
            raise _refuse("BatchOutOfOrder(uint64,uint64)", expected, number)
        storage["next"] = expected + 1
        storage.setdefault("batches", {})[number] = (state, contents)

    def _mintBatch(self, call: FakeCall, storage: Storage, data: bytes) -> tuple[bytes, list[FakeLog]]:  # noqa: N802
        number, packed = decode(["uint64", "bytes"], data)
        self._only("minter", call, storage)
        if self.is_paused:
            raise _refuse("ScopePaused(uint8)", 2)
        self._consume(storage, number, _MINTED, keccak(packed))
        entries = decode_entries(packed)
        tiers = b"".join(entry.tier.to_bytes(2) for entry in entries)
        logs = [
            self._log("BatchMinted", number, data=encode(["bytes32", "uint32"], [keccak(packed), len(entries)])),
            self._log("TierAssigned", number, data=encode(["bytes"], [tiers])),
        ]
        for index, entry in enumerate(entries):
            token = token_id(number, index)
            storage.setdefault("tokens", {})[token] = (entry.owner, entry.tier, _LIVE)
            logs.append(self._log("Transfer", ZERO_ADDRESS, entry.owner, token))
        return b"", logs

    def _rotateMinter(self, call: FakeCall, storage: Storage, data: bytes) -> tuple[bytes, list[FakeLog]]:  # noqa: N802
        [to] = decode(["address"], data)
        self._only("owner", call, storage)
        storage["minter"] = key = bytes.fromhex(to[2:])
        return b"", [self._log("MinterChanged", key, data=encode(["uint64"], [10**6]))]

    def _cancelBatch(self, call: FakeCall, storage: Storage, data: bytes) -> tuple[bytes, list[FakeLog]]:  # noqa: N802
        [number] = decode(["uint64"], data)
        self._only("minter", call, storage)
        self._consume(storage, number, _CANCELLED, bytes(32))
        return b"", [self._log("BatchCancelled", number)]

    def _batchState(self, _call: FakeCall, storage: Storage, data: bytes) -> tuple[bytes, list[FakeLog]]:  # noqa: N802
        [number] = decode(["uint64"], data)
        state, contents = storage.get("batches", {}).get(number, (_UNUSED, bytes(32)))
        return encode(["uint8", "bytes32"], [state, contents]), []

    def _ticket(self, _call: FakeCall, storage: Storage, data: bytes) -> tuple[bytes, list[FakeLog]]:
        owner, tier, status = self._token(storage, decode(["uint256"], data)[0])
        return encode(["address", "uint16", "uint8", "uint32"], ["0x" + owner.hex(), tier, status, 0]), []

    def _setStatus(self, call: FakeCall, storage: Storage, data: bytes) -> tuple[bytes, list[FakeLog]]:  # noqa: N802
        tokens, status = decode(["uint256[]", "uint8"], data)
        self._only("operator", call, storage)
        logs = []
        for token in tokens:
            owner, tier, before = self._token(storage, token)
            if (before, status) not in _STATUS_EDGES:
                raise _refuse("BadStatusChange(uint256,uint8,uint8)", token, before, status)
            storage["tokens"][token] = (owner, tier, status)
            logs.append(self._log("StatusChanged", token, data=encode(["uint8"], [status])))
        return b"", logs

    def _token(self, storage: Storage, token: int) -> tuple[bytes, int, int]:
        if token not in storage.get("tokens", {}):
            raise _refuse("TokenDoesNotExist()")
        found: tuple[bytes, int, int] = storage["tokens"][token]
        return found

    def _log(self, event: str, *topics: bytes | int, data: bytes = b"") -> FakeLog:
        return FakeLog((abi.topic(_NAME, event), *(_word(topic) for topic in topics)), data)
