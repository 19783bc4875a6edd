"""How a capability's `onchain.py` says which logs it reads. Nothing here, or below it, imports web3.

Three moments:
- `@on_log`: a log was seen in a block that may still be undone. Projections that can be recomputed are written here, in
  the transaction that stores the fact itself.
- `@on_undo`: blocks were undone. The handler recomputes what the lost logs had touched from the logs that are left.
- `@when_final`: the log's block is final. What cannot be taken back (ledger, mail, FULFILLED) waits for this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.orm import Session

from backend.kit.db import Base


@dataclass(frozen=True, slots=True)
class Log:
    """A log as a fact: its place in one block of one branch. `block_timestamp` is aware UTC."""

    network: str
    block_number: int
    block_hash: bytes
    block_timestamp: datetime
    tx_hash: bytes
    log_index: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Watch:
    """A contract whose logs are read from `from_block` on. `contract` names its artifact."""

    contract: str
    address: bytes
    from_block: int


Touched = set[tuple[bytes, bytes]]
"""What undone logs were about: pairs of contract address and indexed topic (each of topics 1 to 3 makes a pair)."""

LogHandler = Callable[[Session, str, Sequence[Log]], None]
"""Gets `(session, network, logs)`; the logs are of the named kinds only, in the order of (block, log index)."""

Reader = Callable[[Any], object]
"""What a handler asks `Facts.told` for. Of a past it is read ahead, while the logs before are being written."""

UndoHandler = Callable[[Session, str, int, Touched], None]
"""Gets `(session, network, from_block, touched)`: blocks from `from_block` up are undone and their facts are gone."""

WatchProvider = Callable[[Session, str], Sequence[Watch]]
"""Gets `(session, network)` and returns the contracts to watch there."""

Handler = TypeVar("Handler", bound=LogHandler)
Undo = TypeVar("Undo", bound=UndoHandler)
Provider = TypeVar("Provider", bound=WatchProvider)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A handler and the kinds of logs it wants: one contract's events by name."""

    contract: str
    events: tuple[str, ...]
    handle: LogHandler
    reads: Reader | None = None

    @property
    def name(self) -> str:
        """What the handler is called in cursors and logs of ours."""
        return f"{self.handle.__module__}.{self.handle.__qualname__}"


@dataclass(slots=True)
class Registry:
    """Everything registered by the imported `onchain` modules, in the order of import."""

    seen: list[Subscription] = field(default_factory=list)
    final: list[Subscription] = field(default_factory=list)
    undo: list[UndoHandler] = field(default_factory=list)
    watches: list[WatchProvider] = field(default_factory=list)
    projections: list[Table] = field(default_factory=list)


registered = Registry()


def on_log(contract: str, *events: str, reads: Reader | None = None) -> Callable[[Handler], Handler]:
    """Let the decorated handler see logs as soon as they are in a block, with the facts, in one transaction."""

    def keep(handle: Handler) -> Handler:
        registered.seen.append(Subscription(contract, events, handle, reads))
        return handle

    return keep


def when_final(contract: str, *events: str) -> Callable[[Handler], Handler]:
    """Let the decorated handler see logs once, when their block is final."""

    def keep(handle: Handler) -> Handler:
        registered.final.append(Subscription(contract, events, handle))
        return handle

    return keep


def on_undo(handle: Undo) -> Undo:
    """Let the decorated handler repair its projection after a reorg, in the transaction that removes the facts."""
    registered.undo.append(handle)
    return handle


def watches(provide: Provider) -> Provider:
    """Let the decorated provider name contracts whose logs are read."""
    registered.watches.append(provide)
    return provide


def projects(*models: type[Base]) -> None:
    """Name the tables that hold nothing but what `@on_log` handlers write. Each has a column `network`.

    A rebuild of the index empties them, lets the handlers fill them again, and compares their digests.
    """
    for model in models:
        table = model.metadata.tables[model.__tablename__]
        if table not in registered.projections:
            registered.projections.append(table)


def watched_addresses(session: Session, network: str) -> dict[bytes, Watch]:
    """Return every contract to watch on `network` by address. Named twice, the earliest block counts."""
    found: dict[bytes, Watch] = {}
    for provide in registered.watches:
        for watch in provide(session, network):
            known = found.get(watch.address)
            if known is None or watch.from_block < known.from_block:
                found[watch.address] = watch
    return found
