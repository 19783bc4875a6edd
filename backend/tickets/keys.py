"""Which of our keys a collection has: chosen when the promoter is asked, changed only by the chain's final word.

A collection has one minter, so its batches keep their order by the nonces of one key; several keys share the
collections, and none waits for another (docs/decisions/0017-keys.md).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, func, or_, select
from sqlalchemy.orm import Session

from backend.catalog.models import Event
from backend.chain import abi, outbox, registry
from backend.chain.models import ChainCursor, ChainSend
from backend.chain.onlog import Log
from backend.chain.port import SignerMissing
from backend.chain.progress import FACTS_CURSOR, FINAL_CURSORS
from backend.chain.rules import OPEN_SENDS
from backend.kit import logs as kit_logs
from backend.kit.nudges import nudge
from backend.tickets import batches, cancel, status_changes
from backend.tickets.models import Collection
from backend.tickets.states import CollectionStatus

EVENTS = ("MinterChanged", "OperatorChanged")
_CONTRACT = "TicketCollection"
_MINTS = (batches.MINT, cancel.CANCEL)
_STATUSES = (status_changes.TICKET_STATUS,)
_CURSOR = FINAL_CURSORS + "backend.tickets.onchain.follow_keys"
_NEAR = 64
"""Blocks that the reader of these logs may be behind: it always is by a few."""
_NOT_UNDER_WAY = (CollectionStatus.DRAFT, CollectionStatus.STUCK)
_log = kit_logs.get(__name__)


def pool(network: str) -> list[bytes]:
    """Return the addresses of the minters we have, in the order of the settings. May ask a key service.

    Raises SignerMissing when there is none, and what opening the first key raises when none can be opened.
    """
    found = [key.address for key in registry.keyring(network, batches.SIGNER).all()]
    if not found:
        raise SignerMissing(address="0x" + registry.signer(network, batches.SIGNER).address.hex())
    return found


def by_load(session: Session, network: str, keys: Sequence[bytes], now: datetime) -> list[bytes]:
    """Return `keys` with the least loaded first: by the tickets there may be of events that are not over."""
    tickets = func.coalesce(func.sum(Collection.params["maxSupply"].as_string().cast(BigInteger)), 0)
    query = (
        select(Collection.minter, tickets)
        .join(Event, Event.id == Collection.event_id)
        .where(Collection.network == network, Collection.status.not_in(_NOT_UNDER_WAY), Event.ends_at > now)
        .group_by(Collection.minter)
    )
    load: dict[bytes | None, int] = dict(session.execute(query).all())
    # Sorting is stable: of two that have the same to do, the settings' order decides.
    return sorted(keys, key=lambda key: load.get(key, 0))


def changed(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Take a collection's final word on who its minter and its operator are, and have unfinished sends follow it."""
    query = select(Collection).where(
        Collection.network == network, Collection.address.in_({log.address for log in logs})
    )
    ours = {row.address: row for row in session.scalars(query.order_by(Collection.id).with_for_update(key_share=True))}
    minter = abi.topic(_CONTRACT, "MinterChanged")
    for log in logs:
        collection = ours.get(log.address)
        if collection is None:
            continue
        key = log.topics[1][12:]
        if log.topics[0] == minter:
            _told(collection, "minter", collection.minter, key)
            collection.minter, collection.minter_since = key, log.block_number
        else:
            _told(collection, "operator", collection.operator, key)
            collection.operator, collection.operator_since = key, log.block_number
    session.flush()
    for collection in ours.values():
        nudge(session, "tickets.follow_keys", collection.id)


def follow(session: Session, collection_id: UUID, now: datetime) -> int:
    """Have a collection's unfinished sends signed by the keys it has now; return how many that changes.

    Its row is read and not locked, since sends are locked before collections: what is asked for meanwhile with the key
    of before is found by the sweeper. While old logs are being read (after an update of the house, say), the newest
    word is not known yet, and nothing follows an old one.
    """
    row = session.get_one(Collection, collection_id)
    if _is_catching_up(session, row.network):
        return 0
    count = 0
    for purposes, key, since in (
        (_MINTS, row.minter, row.minter_since),
        (_STATUSES, row.operator, row.operator_since),
    ):
        if key is not None and since is not None and row.address is not None:
            count += outbox.assign(session, row.network, row.address, purposes, key, since, now)
    return count


def behind(session: Session) -> list[UUID]:
    """Return the collections that have unfinished sends for a key that is not theirs. For the sweeper."""
    query = (
        select(Collection.id)
        .join(ChainSend, (ChainSend.network == Collection.network) & (ChainSend.to_address == Collection.address))
        .where(
            ChainSend.status.in_(OPEN_SENDS),
            or_(
                ChainSend.purpose.in_(_MINTS)
                & Collection.minter_since.is_not(None)
                & ChainSend.signer.is_distinct_from(Collection.minter),
                ChainSend.purpose.in_(_STATUSES)
                & Collection.operator_since.is_not(None)
                & ChainSend.signer.is_distinct_from(Collection.operator),
            ),
        )
        .distinct()
    )
    return list(session.scalars(query))


def _is_catching_up(session: Session, network: str) -> bool:
    query = select(ChainCursor.name, ChainCursor.block_number, ChainCursor.finalized_number)
    cursors = {
        name: (block, final) for name, block, final in session.execute(query.where(ChainCursor.network == network))
    }
    mine, facts = cursors.get(_CURSOR), cursors.get(FACTS_CURSOR)
    return mine is not None and facts is not None and mine[0] < facts[1] - _NEAR


def _told(collection: Collection, role: str, before: bytes | None, after: bytes) -> None:
    if before is not None and before != after:
        shown = {"before": "0x" + before.hex(), "after": "0x" + after.hex()}
        _log.warning("collection_key_changed", collection_id=str(collection.id), role=role, **shown)
