"""The projection of who holds what: token_movements are read from logs, holdings are their fold.

Everything here is set-based: one statement writes the movements of a whole batch of logs, one reads the holdings they
touch, one writes them back. A reorg deletes the movements of the undone blocks and folds the touched tokens again.

Collections are followed because our factory deployed them, whoever asked it to; whether a token belongs to a ticket
of ours is decided elsewhere.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, func, select, text, tuple_
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.models import ChainCursor
from backend.chain.onlog import Log
from backend.kit.db import forget
from backend.tickets.folding import BURN, MINT, STATUS, BrokenStory, Held, Movement, advance, fold
from backend.tickets.models import Holding, TokenMovement
from backend.tickets.rules import KINDS, ZERO_ADDRESS, batch_of, is_single

CONTRACT = "TicketCollection"
EVENTS = ("Transfer", "TicketMoved", "StatusChanged", "TierAssigned", "SinglesMinted")
Token = tuple[bytes, int]
Tiers = dict[tuple[bytes, bytes, int], bytes]
"""Tiers by (block hash, collection, batch number or single's id), two bytes a token, in the order of the ids."""
_TIER_BYTES = 2
_CHUNK = 10_000

_INSERT_MOVEMENTS = text("""
    INSERT INTO token_movements (network, block_hash, log_index, block_number, tx_hash, collection, token_id, kind,
                                 from_owner, to_owner, epoch, tier, status)
    SELECT :network, m.* FROM unnest(
        CAST(:block_hash AS bytea[]), CAST(:log_index AS integer[]), CAST(:block_number AS bigint[]),
        CAST(:tx_hash AS bytea[]), CAST(:collection AS bytea[]), CAST(:token_id AS numeric[]), CAST(:kind AS text[]),
        CAST(:from_owner AS bytea[]), CAST(:to_owner AS bytea[]), CAST(:epoch AS bigint[]), CAST(:tier AS integer[]),
        CAST(:status AS smallint[])) AS m
    ON CONFLICT DO NOTHING
    RETURNING block_hash, log_index
""")

_WRITE_HOLDINGS = text("""
    INSERT INTO holdings (network, collection, token_id, owner, tier, status, epoch, minted_block, updated_block, final)
    SELECT :network, h.*, h.updated_block <= :finalized FROM unnest(
        CAST(:collection AS bytea[]), CAST(:token_id AS numeric[]), CAST(:owner AS bytea[]), CAST(:tier AS integer[]),
        CAST(:status AS smallint[]), CAST(:epoch AS bigint[]), CAST(:minted_block AS bigint[]),
        CAST(:updated_block AS bigint[]))
        AS h (collection, token_id, owner, tier, status, epoch, minted_block, updated_block)
    ON CONFLICT (network, collection, token_id) DO UPDATE SET
        owner = EXCLUDED.owner, tier = EXCLUDED.tier, status = EXCLUDED.status, epoch = EXCLUDED.epoch,
        minted_block = EXCLUDED.minted_block, updated_block = EXCLUDED.updated_block, final = EXCLUDED.final
""")


def apply(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write the movements the logs tell of and advance the holdings they touch. Repeating it changes nothing.

    `logs` are in the order of the chain and hold whole blocks. Raises BrokenStory when facts are missing.
    """
    for start in range(0, len(rows := read_movements(logs)), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        columns = {name: [row[name] for row in chunk] for name in chunk[0]}
        new = {(bytes(r[0]), r[1]) for r in session.execute(_INSERT_MOVEMENTS, {"network": network, **columns})}
        fresh = [row for row in chunk if (row["block_hash"], row["log_index"]) in new]
        if not fresh:
            continue
        held = _load(session, network, {(row["collection"], row["token_id"]) for row in fresh})
        for row in fresh:
            token = (row["collection"], row["token_id"])
            held[token] = advance(held.get(token), _movement(row))
        _write(session, network, held)


def undo(session: Session, network: str, from_block: int) -> None:
    """Forget what happened in blocks from `from_block` up, and fold the tokens that touched again."""
    gone = session.execute(
        delete(TokenMovement)
        .where(TokenMovement.network == network, TokenMovement.block_number >= from_block)
        .returning(TokenMovement.collection, TokenMovement.token_id)
    )
    touched: set[Token] = {(row[0], int(row[1])) for row in gone}
    recompute(session, network, touched)


def recompute(session: Session, network: str, touched: Iterable[Token]) -> None:
    """Fold these tokens from their movements, from nothing."""
    tokens = sorted(set(touched))
    for start in range(0, len(tokens), _CHUNK):
        chunk = tokens[start : start + _CHUNK]
        stories: dict[Token, list[Movement]] = {token: [] for token in chunk}
        query = select(TokenMovement).where(
            TokenMovement.network == network, tuple_(TokenMovement.collection, TokenMovement.token_id).in_(chunk)
        )
        for row in session.scalars(query):
            stories[row.collection, row.token_id].append(
                Movement(row.block_number, row.log_index, row.kind, row.to_owner, row.epoch, row.tier, row.status)
            )
        session.execute(
            delete(Holding)
            .where(Holding.network == network, tuple_(Holding.collection, Holding.token_id).in_(chunk))
            .execution_options(synchronize_session=False)
        )
        folded = {token: fold(story) for token, story in stories.items()}
        _write(session, network, {token: held for token, held in folded.items() if held is not None})


def mark_final(session: Session, network: str, tokens: set[Token], up_to_block: int) -> None:
    """Say of these tokens' holdings that they cannot be undone, unless they changed after `up_to_block`."""
    session.flush()
    session.execute(
        text("""
            UPDATE holdings h SET final = true
            FROM unnest(CAST(:collection AS bytea[]), CAST(:token_id AS numeric[])) AS t (collection, token_id)
            WHERE h.network = :network AND h.collection = t.collection AND h.token_id = t.token_id
              AND NOT h.final AND h.updated_block <= :up_to
        """),
        {
            "network": network,
            "up_to": up_to_block,
            "collection": [token[0] for token in tokens],
            "token_id": [token[1] for token in tokens],
        },
    )
    forget(session, Holding)


def read_movements(logs: Sequence[Log]) -> list[dict[str, Any]]:
    """Return the rows of token_movements that the logs tell of. Raises BrokenStory.

    A Transfer does not say why it happened: the TicketMoved that follows it does. Tiers of a batch are in its
    TierAssigned, which may stand on either side of the mints; that of single mints is in their SinglesMinted.
    """
    transfer, moved, changed = (abi.topic(CONTRACT, name) for name in EVENTS[:3])
    tiers = _tiers(logs)
    rows: list[dict[str, Any]] = []
    unexplained: dict[Token, dict[str, Any]] = {}
    for log in logs:
        kind = log.topics[0]
        if kind == transfer:
            row = _transfer_row(log, tiers)
            if row["kind"] is None:
                unexplained[log.address, row["token_id"]] = row
            rows.append(row)
        elif kind == moved:
            values = abi.decode_log(CONTRACT, "TicketMoved", log.topics, log.data)
            moving = unexplained.pop((log.address, values["tokenId"]), None)
            if moving is None:
                raise BrokenStory(f"TicketMoved without its Transfer in block {log.block_number}")
            moving["kind"], moving["epoch"] = KINDS[values["kind"]], values["epoch"]
        elif kind == changed:
            values = abi.decode_log(CONTRACT, "StatusChanged", log.topics, log.data)
            rows.append({**_place(log, values["tokenId"]), "kind": STATUS, "status": values["status"]})
    if unexplained:
        raise BrokenStory(f"{len(unexplained)} Transfers without their TicketMoved")
    return rows


def _place(log: Log, token: int) -> dict[str, Any]:
    return {
        "block_hash": log.block_hash,
        "log_index": log.log_index,
        "block_number": log.block_number,
        "tx_hash": log.tx_hash,
        "collection": log.address,
        "token_id": token,
        "kind": None,
        "from_owner": None,
        "to_owner": None,
        "epoch": None,
        "tier": None,
        "status": None,
    }


def _tiers(logs: Sequence[Log]) -> Tiers:
    assigned, singles = (abi.topic(CONTRACT, name) for name in EVENTS[3:])
    tiers: Tiers = {}
    for log in logs:
        if log.topics[0] == assigned:
            values = abi.decode_log(CONTRACT, "TierAssigned", log.topics, log.data)
            tiers[log.block_hash, log.address, values["batch"]] = values["tiers"]
        elif log.topics[0] == singles:
            values = abi.decode_log(CONTRACT, "SinglesMinted", log.topics, log.data)
            for token in range(values["firstTokenId"], values["firstTokenId"] + values["quantity"]):
                tiers[log.block_hash, log.address, token] = values["tier"].to_bytes(_TIER_BYTES, "big")
    return tiers


def _transfer_row(log: Log, tiers: Tiers) -> dict[str, Any]:
    # Sliced, not ABI-decoded: of a backfill's logs nearly all are these.
    sender, receiver = log.topics[1][12:], log.topics[2][12:]
    row = _place(log, int.from_bytes(log.topics[3], "big"))
    row |= {"from_owner": sender, "to_owner": receiver}
    if receiver == ZERO_ADDRESS:
        return row | {"kind": BURN}
    if sender != ZERO_ADDRESS:
        return row
    token: int = row["token_id"]
    number, index = (token, 0) if is_single(token) else batch_of(token)
    tier = tiers.get((log.block_hash, log.address, number), b"")[_TIER_BYTES * index : _TIER_BYTES * (index + 1)]
    if len(tier) != _TIER_BYTES:
        raise BrokenStory(f"token {row['token_id']} was minted without a tier in block {log.block_number}")
    return row | {"kind": MINT, "tier": int.from_bytes(tier, "big"), "epoch": 0}


def _movement(row: dict[str, Any]) -> Movement:
    return Movement(
        row["block_number"], row["log_index"], row["kind"], row["to_owner"], row["epoch"], row["tier"], row["status"]
    )


def _load(session: Session, network: str, tokens: set[Token]) -> dict[Token, Held]:
    query = text("""
        SELECT h.collection, h.token_id, h.owner, h.tier, h.status, h.epoch, h.minted_block, h.updated_block
        FROM unnest(CAST(:collection AS bytea[]), CAST(:token_id AS numeric[])) AS t (collection, token_id)
        JOIN holdings h ON h.network = :network AND h.collection = t.collection AND h.token_id = t.token_id
    """)
    ordered = sorted(tokens)
    keys = {"collection": [token[0] for token in ordered], "token_id": [token[1] for token in ordered]}
    found = session.execute(query, {"network": network, **keys})
    return {(bytes(row[0]), int(row[1])): Held(bytes(row[2]), *row[3:]) for row in found}


def _write(session: Session, network: str, held: dict[Token, Held]) -> None:
    if not held:
        return
    finalized = session.scalar(select(func.max(ChainCursor.finalized_number)).where(ChainCursor.network == network))
    values = list(held.values())
    columns = {name: [getattr(one, name) for one in values] for name in Held.__dataclass_fields__}
    keys = {"collection": [token[0] for token in held], "token_id": [token[1] for token in held]}
    after = -1 if finalized is None else finalized
    session.execute(_WRITE_HOLDINGS, {"network": network, "finalized": after, **keys, **columns})
    forget(session, Holding)
