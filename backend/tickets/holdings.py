"""The projection of who holds what: token_movements are read from logs, holdings are their fold.

Everything here is set-based: one COPY writes the movements of a whole batch of logs, two statements what they make of
the tokens they touch. A reorg deletes the movements of the undone blocks and folds the touched tokens again.

Collections are followed because our factory deployed them, whoever asked it to; whether a token belongs to a ticket
of ours is decided elsewhere.
"""

from collections.abc import Iterable, Sequence

import psycopg
from sqlalchemy import delete, func, select, tuple_
from sqlalchemy.orm import Session

from backend.chain.facts import Facts, store_new
from backend.chain.models import ChainCursor
from backend.chain.onlog import Log
from backend.kit import bulk
from backend.kit.db import forget
from backend.tickets.folding import BrokenStory, Held, Movement, fold
from backend.tickets.models import Holding, TokenMovement
from backend.tickets.moving import COLUMNS, Change, read, without

EVENTS = ("Transfer", "TicketMoved", "StatusChanged", "TierAssigned", "SinglesMinted")
Token = tuple[bytes, int]
_CHUNK = 10_000

_HELD = {
    "collection": "bytea",
    "token_id": "numeric",
    "owner": "bytea",
    "tier": "int4",
    "status": "int2",
    "epoch": "int8",
    "minted_block": "int8",
    "updated_block": "int8",
}
_NAMES = ", ".join(_HELD)
_GIVEN = ", ".join(f"%({name})s" for name in _HELD)
_MINTED = f"""
    INSERT INTO holdings (network, {_NAMES}, final)
    SELECT %(network)s, h.*, h.updated_block <= %(finalized)s FROM unnest({_GIVEN}) AS h ({_NAMES})
"""  # noqa: S608 - names of columns only
_CHANGED = f"""
    UPDATE holdings h SET
        owner = coalesce(c.owner, h.owner), status = coalesce(c.status, h.status), epoch = coalesce(c.epoch, h.epoch),
        updated_block = c.updated_block, final = c.updated_block <= %(finalized)s
    FROM unnest({_GIVEN}) AS c ({_NAMES})
    WHERE h.network = %(network)s AND h.collection = c.collection AND h.token_id = c.token_id
"""  # noqa: S608 - as above
_FINAL = """
    UPDATE holdings h SET final = true FROM unnest(%(collection)s, %(token_id)s) AS t (collection, token_id)
    WHERE h.network = %(network)s AND h.collection = t.collection AND h.token_id = t.token_id
      AND NOT h.final AND h.updated_block <= %(up_to)s
"""


def apply(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Write the movements the logs tell of and advance the holdings they touch. Repeating it changes nothing.

    `logs` are in the order of the chain and hold whole blocks. Raises BrokenStory when facts are missing.
    """
    facts = Facts.of(network, logs)
    told = facts.told(read)
    old = store_new(session, "token_movements", COLUMNS, facts, told.rows)
    _write(session, network, (read(without(facts, old)) if old else told).changes)


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
        _write(session, network, [_whole(token, held) for token, held in folded.items() if held is not None])


def mark_final(session: Session, network: str, tokens: set[Token], up_to_block: int) -> None:
    """Say of these tokens' holdings that they cannot be undone, unless they changed after `up_to_block`."""
    listed = list(tokens)
    session.flush()
    bulk.run(
        session,
        _FINAL,
        network=network,
        up_to=up_to_block,
        collection=bulk.array("bytea", [bulk.raw(token[0]) for token in listed]),
        token_id=bulk.array("numeric", [bulk.numeric(token[1]) for token in listed]),
    )
    forget(session, Holding)


def _whole(token: Token, held: Held) -> Change:
    """Return the token as if it had been minted as it is."""
    change = Change(bulk.raw(token[0]), token[1], bulk.int8(held.updated_block))
    change.minted_block = bulk.int8(held.minted_block)
    change.owner, change.tier = bulk.raw(held.owner), bulk.int4(held.tier)
    change.status, change.epoch = bulk.int2(held.status), bulk.int8(held.epoch)
    return change


def _write(session: Session, network: str, changes: Iterable[Change]) -> None:
    """Bring holdings to where the changes leave them. Raises BrokenStory for a token that was minted twice or never."""
    minted: list[Change] = []
    changed: list[Change] = []
    for change in changes:
        (changed if change.minted_block == bulk.NULL else minted).append(change)
    if not (minted or changed):
        return
    session.flush()
    finalized = session.scalar(select(func.max(ChainCursor.finalized_number)).where(ChainCursor.network == network))
    known = {"network": network, "finalized": -1 if finalized is None else finalized}
    if minted:
        try:
            bulk.run(session, _MINTED, **known, **_arrays(minted))
        except psycopg.errors.UniqueViolation as twice:
            raise BrokenStory("a token was minted twice") from twice
    if changed:
        found = bulk.run(session, _CHANGED, **known, **_arrays(changed)).rowcount
        if found != len(changed):
            raise BrokenStory(f"{len(changed) - found} tokens moved or changed before their mint")
    forget(session, Holding)


def _arrays(changes: Sequence[Change]) -> dict[str, bulk.Array]:
    return {
        "collection": bulk.array("bytea", [change.collection for change in changes]),
        "token_id": bulk.array("numeric", [bulk.numeric(change.token_id) for change in changes]),
        "owner": bulk.array("bytea", [change.owner for change in changes]),
        "tier": bulk.array("int4", [change.tier for change in changes]),
        "status": bulk.array("int2", [change.status for change in changes]),
        "epoch": bulk.array("int8", [change.epoch for change in changes]),
        "minted_block": bulk.array("int8", [change.minted_block for change in changes]),
        "updated_block": bulk.array("int8", [change.updated_block for change in changes]),
    }
