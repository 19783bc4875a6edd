"""What a collection's logs say of its tokens, read by slicing: rows of token_movements, and what changes by them.

Values stay cells of Postgres's binary format from the node's answer to the table; see `backend.kit.bulk` and
`backend.chain.facts` for the offsets.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from backend.chain import abi
from backend.chain.facts import Facts
from backend.kit import bulk
from backend.kit.bulk import ADDRESS, NULL
from backend.tickets.folding import BURN, MINT, STATUS, VOID, BrokenStory
from backend.tickets.rules import KINDS, ZERO_ADDRESS, batch_of, is_single

CONTRACT = "TicketCollection"
COLUMNS = (
    "network",
    "block_hash",
    "log_index",
    "block_number",
    "tx_hash",
    "collection",
    "token_id",
    "kind",
    "from_owner",
    "to_owner",
    "epoch",
    "tier",
    "status",
)
_TIER_BYTES = 2
_KINDS = [bulk.text(kind) for kind in KINDS]
_MINT, _BURN, _STATUS = bulk.text(MINT), bulk.text(BURN), bulk.text(STATUS)
_NOBODY, _LIVE, _VOID = bulk.raw(ZERO_ADDRESS), bulk.int2(0), bulk.int2(VOID)
_FIRST_EPOCH = bulk.int8(0)
_EPOCH_HEAD = b"\0\0\0\x08" + bytes(4)
"""Of a bigint's cell, before the four bytes that an epoch has."""

Tiers = dict[tuple[bytes, int], bytes]
"""Tiers by (block hash and collection, batch number or single's id), two bytes a token, in the order of the ids."""


@dataclass(slots=True)
class Change:
    """What becomes of one token. Cells; NULL leaves a value as it is. `minted_block` is set where the token is new."""

    collection: bytes
    token_id: int
    updated_block: bytes
    owner: bytes = NULL
    tier: bytes = NULL
    status: bytes = NULL
    epoch: bytes = NULL
    minted_block: bytes = NULL


@dataclass(slots=True)
class Told:
    """What logs tell: rows of token_movements by the logs' places, and the tokens' changes."""

    rows: dict[int, bytes] = field(default_factory=dict)
    by_token: dict[bytes, Change] = field(default_factory=dict)

    @property
    def changes(self) -> list[Change]:
        """The changes, one for each token."""
        return list(self.by_token.values())


def read(facts: Facts) -> Told:
    """Return what the logs tell. Raises BrokenStory.

    A Transfer does not say why it happened: the TicketMoved right after it does. Tiers of a batch are in its
    TierAssigned, which may stand on either side of the mints; that of single mints is in their SinglesMinted.
    """
    transfer, moved, changed = (abi.topic(CONTRACT, name) for name in ("Transfer", "TicketMoved", "StatusChanged"))
    rows, tiers, told = facts.rows, _tiers(facts), Told()
    head = bulk.count(len(COLUMNS)) + bulk.text(facts.network)
    pending = -1
    for at in facts.places:
        kind = rows[at + 152 : at + 184]
        if kind == transfer and ZERO_ADDRESS in (rows[at + 200 : at + 220], rows[at + 236 : at + 256]):
            told.rows[at] = head + _made(facts, at, tiers, told)
        elif kind == transfer:
            if pending >= 0:
                break
            pending = at
        elif kind == moved:
            of, pending = pending, -1
            if of < 0 or not _same(rows, of, at):
                raise BrokenStory(f"TicketMoved without its Transfer in block {facts.number(at)}")
            told.rows[of] = head + _moved(facts, of, at, told)
        elif kind == changed:
            told.rows[at] = head + _status(facts, at, told)
    if pending >= 0:
        raise BrokenStory(f"a Transfer without its TicketMoved in block {facts.number(pending)}")
    return told


def without(facts: Facts, old: AbstractSet[int]) -> Facts:
    """Return the logs without those at places of `old`, and without what explains these."""
    moved = abi.topic(CONTRACT, "TicketMoved")
    before, left = -1, list[int]()
    for at in facts.places:
        explains = facts.topic(at, 0) == moved and before in old
        if at not in old and not explains:
            left.append(at)
        before = at
    return Facts(facts.network, facts.rows, left, facts.times)


def _same(rows: bytes, one: int, other: int) -> bool:
    """Say whether a TicketMoved explains a Transfer: same transaction, collection and token."""
    return (
        rows[one + 260 : one + 292] == rows[other + 188 : other + 220]
        and rows[one + 92 : one + 116] == rows[other + 92 : other + 116]
        and rows[one + 56 : one + 92] == rows[other + 56 : other + 92]
        and rows[one : one + 36] == rows[other : other + 36]
    )


def _moved(facts: Facts, of: int, at: int, told: Told) -> bytes:
    """Return the row of a move, behind the network: its Transfer is at `of`, its TicketMoved at `at`."""
    rows = facts.rows
    token = rows[of + 96 : of + 116] + rows[of + 260 : of + 292]
    number = int.from_bytes(rows[of + 260 : of + 292], "big")
    to, block = ADDRESS + rows[of + 236 : of + 256], rows[of + 44 : of + 56]
    data = facts.shape(at, 2, 2)
    epoch = _EPOCH_HEAD + rows[data + 60 : data + 64]
    change = told.by_token.get(token)
    if change is None:
        change = told.by_token[token] = Change(rows[of + 92 : of + 116], number, block)
    change.owner, change.epoch, change.updated_block = to, epoch, block
    return b"".join(
        (
            rows[of : of + 116],
            bulk.numeric(number),
            _KINDS[rows[data + 31]],
            ADDRESS,
            rows[of + 200 : of + 220],
            to,
            epoch,
            NULL,
            NULL,
        )
    )


def _change(facts: Facts, at: int, number: int, told: Told) -> Change:
    """Return the token's change, begun if there is none, as of the log's block."""
    token = facts.rows[at + 96 : at + 116] + number.to_bytes(32, "big")
    block = facts.rows[at + 44 : at + 56]
    change = told.by_token.get(token)
    if change is None:
        change = told.by_token[token] = Change(facts.rows[at + 92 : at + 116], number, block)
    change.updated_block = block
    return change


def _made(facts: Facts, at: int, tiers: Tiers, told: Told) -> bytes:
    """Return the row of a mint or a burn, behind the network."""
    rows = facts.rows
    number = int.from_bytes(rows[at + 260 : at + 292], "big")
    sender, receiver = ADDRESS + rows[at + 200 : at + 220], ADDRESS + rows[at + 236 : at + 256]
    if receiver == _NOBODY:
        change = _change(facts, at, number, told)
        change.owner, change.status = _NOBODY, _VOID
        return b"".join(
            (rows[at : at + 116], bulk.numeric(number), _BURN, sender, receiver, NULL, NULL, NULL),
        )
    tier = _tier(facts, at, number, tiers)
    if facts.rows[at + 96 : at + 116] + rows[at + 260 : at + 292] in told.by_token:
        raise BrokenStory(f"token {number} was minted after it moved, or twice, in block {facts.number(at)}")
    change = _change(facts, at, number, told)
    change.minted_block = change.updated_block
    change.owner, change.tier, change.status, change.epoch = receiver, tier, _LIVE, _FIRST_EPOCH
    return b"".join(
        (rows[at : at + 116], bulk.numeric(number), _MINT, sender, receiver, _FIRST_EPOCH, tier, NULL),
    )


def _status(facts: Facts, at: int, told: Told) -> bytes:
    """Return the row of a change of status, behind the network."""
    number = int.from_bytes(facts.rows[at + 188 : at + 220], "big")
    status = bulk.int2(facts.word(at, 0)[31])
    _change(facts, at, number, told).status = status
    return b"".join((facts.rows[at : at + 116], bulk.numeric(number), _STATUS, NULL, NULL, NULL, NULL, status))


def _tiers(facts: Facts) -> Tiers:
    assigned, singles = (abi.topic(CONTRACT, name) for name in ("TierAssigned", "SinglesMinted"))
    rows = facts.rows
    tiers: Tiers = {}
    for at in facts.places:
        kind = rows[at + 152 : at + 184]
        if kind == assigned:
            length = int.from_bytes(facts.word(at, 1), "big")
            number = int.from_bytes(rows[at + 188 : at + 220], "big")
            # The only value is `bytes`: where it begins, its length, itself.
            tiers[_whereabouts(rows, at), number] = facts.data(at)[64 : 64 + length]
        elif kind == singles:
            first = int.from_bytes(rows[at + 188 : at + 220], "big")
            tier = facts.word(at, 1)[-_TIER_BYTES:]
            for token in range(first, first + int.from_bytes(facts.word(at, 0), "big")):
                tiers[_whereabouts(rows, at), token] = tier
    return tiers


def _tier(facts: Facts, at: int, token: int, tiers: Tiers) -> bytes:
    number, index = (token, 0) if is_single(token) else batch_of(token)
    known = tiers.get((_whereabouts(facts.rows, at), number), b"")
    tier = known[_TIER_BYTES * index : _TIER_BYTES * (index + 1)]
    if len(tier) != _TIER_BYTES:
        raise BrokenStory(f"token {token} was minted without a tier in block {facts.number(at)}")
    return bulk.int4(int.from_bytes(tier, "big"))


def _whereabouts(rows: bytes, at: int) -> bytes:
    return rows[at : at + 36] + rows[at + 92 : at + 116]
