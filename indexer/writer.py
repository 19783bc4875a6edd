"""The one connection that writes a network's index. It holds the network's advisory lock as long as it lives.

Whoever holds the lock may write; when the process dies, or its connection does, Postgres gives the lock to the next.
The lock belongs to the session: the database's address must not go through a pooler in transaction mode.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from backend.chain.progress import lock_key
from backend.kit import db

LOST = (DBAPIError, psycopg.OperationalError, psycopg.InterfaceError)
"""What a lost connection may raise."""

# A machine that vanished must not hold the lock for hours: the server looks after its side of the connection as well.
_OPTIONS = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"

_OPEN = """
    SELECT set_config('app.tenant', %s, true), set_config('TimeZone', 'UTC', true),
           set_config('synchronous_commit', %s, true)
"""


class WriterLost(Exception):
    """The connection that held the lock is gone, and with it the right to write."""


class Writer:
    """A connection and, once `try_lock` succeeded, the network's lock."""

    def __init__(self, url: str, network: str) -> None:
        """Connect. Raises one of LOST when the database does not answer."""
        self.network = network
        self._engine = create_engine(
            db.driver_url(url), poolclass=NullPool, connect_args={"connect_timeout": 5, "options": _OPTIONS}
        )
        self._connection: Connection = self._engine.connect()
        self._raw = self._connection.connection.driver_connection

    def try_lock(self) -> bool:
        """Take the lock if nobody holds it."""
        with self._connection.begin():
            taken = self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": lock_key(self.network)})
        return bool(taken)

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Session]:
        """Open a unit of work on this connection; it commits at the end of the block. Raises WriterLost.

        Not durable: the commit does not wait for the disk, and a crash of the server (not of ours) may lose it together
        with those after it. For what is read again from the chain, cursor and facts alike: docs/decisions/0019.
        """
        with self._session() as session, session.begin():
            raw = session.connection().connection.driver_connection
            # SQLAlchemy would quietly connect again, and that connection would hold no lock.
            if raw is not self._raw or not isinstance(raw, psycopg.Connection):
                raise WriterLost("the database connection was replaced")
            raw.execute(_OPEN, (db.PLATFORM, "on" if durable else "off"))
            yield session

    def _session(self) -> Session:
        return Session(self._connection, expire_on_commit=False, info={"tenant": db.PLATFORM, db.OPENED: True})

    def is_alive(self) -> bool:
        """Say whether the connection still stands."""
        return not self._connection.invalidated and isinstance(self._raw, psycopg.Connection) and not self._raw.closed

    def close(self) -> None:
        """Give up connection and lock."""
        self._connection.close()
        self._engine.dispose()
