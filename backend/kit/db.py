"""The database: one declarative base, one unit of work, one place that knows the tenant.

Transactions belong to the doors. A route takes `SessionDep`, a task opens `unit_of_work()`; capability functions take
the session first, may flush, and never commit. Which row is locked before which: docs/decisions/0008-lock-order.md.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Dialect,
    Engine,
    LargeBinary,
    MetaData,
    Numeric,
    Uuid,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

from backend.kit import logs
from backend.kit.errors import Retryable, Unavailable

if TYPE_CHECKING:
    from fastapi import Depends

_log = logs.get(__name__)

PLATFORM = "platform"
"""The tenant of work that is nobody's in particular: fans' requests, jobs, the index. Sees every organisation."""

OPENED = "opened"
"""Said in a session's `info` by who has set tenant and time zone of its transaction already."""


class WeiColumn(TypeDecorator[int]):
    """A whole number up to 2^256 - 1 in NUMERIC(78, 0); an int in Python, never a Decimal."""

    impl = Numeric(78, 0)
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> Decimal | None:
        """Send an exact decimal."""
        return None if value is None else Decimal(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> int | None:
        """Give back an int."""
        return None if value is None else int(value)


Wei = Annotated[int, mapped_column(WeiColumn)]
Minor = Annotated[int, mapped_column(BigInteger)]


class Base(DeclarativeBase):
    """The base of every table; names of constraints are derived, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        UUID: Uuid(),
        datetime: DateTime(timezone=True),
        bytes: LargeBinary(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


Row = TypeVar("Row", bound=Base)

_GAVE_WAY = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class GaveWay(Unavailable, Retryable):
    """Two requests got in each other's way and this one gave way; nothing of it was done. Send it again."""

    code = "gave_way"


class DatabaseAway(Unavailable, Retryable):
    """The database does not answer. What was asked for is not done, or was done just before; ask again shortly."""

    code = "database_away"


_engine: Engine | None = None
_make_session: sessionmaker[Session] = sessionmaker(expire_on_commit=False)


def configure(url: str, pool_size: int = 10) -> Engine:
    """Point the process at a database. `url` is any libpq URL; psycopg 3 is the driver."""
    global _engine
    if _engine is not None:
        _engine.dispose()
    _engine = create_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5},
    )
    _make_session.configure(bind=_engine)
    return _engine


def driver_url(url: str) -> str:
    """Return `url` with psycopg 3 named as the driver."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme in {"postgres", "postgresql"} else url


def engine() -> Engine:
    """Return the configured engine. Raises RuntimeError before `configure`."""
    if _engine is None:
        raise RuntimeError("the database is not configured: call db.configure(url) first")
    return _engine


@contextmanager
def bound_to(connection: Connection) -> Iterator[None]:
    """Let every unit of work join `connection`'s open transaction by savepoints. For tests that roll back."""
    before = dict(_make_session.kw)
    _make_session.configure(bind=connection, join_transaction_mode="create_savepoint")
    try:
        yield
    finally:
        _make_session.kw = before


@event.listens_for(Session, "after_begin")
def _set_tenant(session: Session, _transaction: Any, connection: Connection) -> None:
    # Local to the transaction, so a pooled connection carries nobody's tenant into the next one. Times are shown in UTC
    # whatever the server's zone.
    if session.info.get(OPENED, False):
        return
    query = text("SELECT set_config('app.tenant', :tenant, true), set_config('TimeZone', 'UTC', true)")
    connection.execute(query, {"tenant": session.info.get("tenant", "")})


@event.listens_for(Session, "after_commit")
def _run_after_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return
    waiting, session.info["after_commit"] = session.info.get("after_commit", []), []
    for call in waiting:
        try:
            call()
        except Exception:  # noqa: BLE001 - whatever it was, it is logged
            # What was committed stays; one call must not keep the others from running.
            _log.exception("after_commit_failed")


@event.listens_for(Session, "after_rollback")
def _drop_after_commit(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info["after_commit"] = []


def after_commit(session: Session, call: Callable[[], None]) -> None:
    """Run `call` once this session's transaction has committed; never when it rolls back.

    A savepoint that is rolled back does not take the call with it: it runs when the whole commits.
    """
    session.info.setdefault("after_commit", []).append(call)


@contextmanager
def unit_of_work(tenant: str = PLATFORM) -> Iterator[Session]:
    """Open a transaction, commit at the end of the block, roll back when it raises.

    Raises GaveWay when Postgres ended the transaction in favour of another (a deadlock, a serialization failure), and
    DatabaseAway when it cannot be reached or went away.
    """
    session = _make_session(info={"tenant": tenant})
    try:
        yield session
        session.commit()
    except DBAPIError as error:
        session.rollback()
        if isinstance(error.orig, _GAVE_WAY):
            raise GaveWay from error
        if _is_away(error):
            raise DatabaseAway from error
        raise
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()


@contextmanager
def snapshot(source: Engine) -> Iterator[Session]:
    """Open a look at one moment: everything read in the block fits together, and nothing written in it is kept."""
    with source.connect() as connection:
        fixed = connection.execution_options(isolation_level="REPEATABLE READ")
        with Session(fixed, expire_on_commit=False, info={"tenant": PLATFORM}) as session:
            try:
                yield session
            finally:
                session.rollback()


def _is_away(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    # Refused, timed out, or starting up: no connection was made, so no SQLSTATE class but 08 and 57 is told.
    state = getattr(error.orig, "sqlstate", None)
    return isinstance(error, OperationalError) and (state is None or state.startswith(("08", "57P")))


def _request_session() -> Iterator[Session]:
    with unit_of_work() as session:
        yield session


if TYPE_CHECKING:
    SessionDep = Annotated[Session, Depends(_request_session, scope="function")]
    """The request's unit of work. Function scope: it commits before the response leaves, so a 201 is never a lie."""
else:

    def __getattr__(name: str) -> Any:
        # Only routes ask for it: the index and the worker's tools do without FastAPI (20 MB, 0.15 s).
        if name != "SessionDep":
            raise AttributeError(name)
        from fastapi import Depends  # noqa: PLC0415 - that is the point

        return globals().setdefault(name, Annotated[Session, Depends(_request_session, scope="function")])


def act_for(session: Session, organisation_id: UUID) -> None:
    """Narrow the session to one organisation's rows: row-level security hides and refuses all others."""
    session.info["tenant"] = str(organisation_id)
    session.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": str(organisation_id)})


def locked(session: Session, model: type[Row], key: Any) -> Row | None:
    """Return the row `key` of `model`, freshly read and locked until the transaction ends.

    FOR NO KEY UPDATE, as everywhere here: it keeps writers out, yet a foreign key that is checked against the row does
    not wait for it. FOR UPDATE would, and so lock parents in an order that no line of code shows.
    """
    [primary] = model.__mapper__.primary_key
    query = select(model).where(primary == key).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def forget(session: Session, *models: type[Base]) -> None:
    """Have loaded rows of `models` read again when next asked for: a statement went past the session."""
    for row in session.identity_map.values():
        if isinstance(row, models):
            session.expire(row)
