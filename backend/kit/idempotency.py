"""Idempotency keys: the same request sent twice makes one thing.

The key is scoped to the caller and the operation. What is kept is the id of the thing that was made, never the
response, so no secret of a response is stored. Keys are kept for ever: a retry after a week is still the same request.
"""

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from backend.kit import clock
from backend.kit.db import Base
from backend.kit.errors import Invalid

_LONGEST_KEY = 200

if TYPE_CHECKING:
    KeyHeader = str
else:

    def __getattr__(name: str) -> Any:
        # As in `backend.kit.db`: only routes ask for it, and only they need FastAPI.
        if name != "KeyHeader":
            raise AttributeError(name)
        from fastapi import Header  # noqa: PLC0415 - that is the point

        header = Header(
            alias="Idempotency-Key",
            min_length=8,
            max_length=_LONGEST_KEY,
            description="Chosen by the client, one a thing to be made; the same body again returns that thing",
            examples=["4f9c2d6e-order-1"],
        )
        return globals().setdefault(name, Annotated[str, header])


class IdempotencyMismatch(Invalid):
    """The Idempotency-Key was used for another request: choose a new key for a new request."""

    code = "idempotency_mismatch"


class IdempotencyKey(Base):
    """One request that made, or is making, a thing."""

    __tablename__ = "idempotency_keys"

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    resource_id: Mapped[UUID | None]
    created_at: Mapped[datetime]


def begin(session: Session, scope: str, key: str, body: dict[str, Any]) -> UUID | None:
    """Return the id an earlier identical request made, or None when this one is the first.

    A second request that arrives while the first is still open waits for it here, on the unique key. Raises
    IdempotencyMismatch when the key was used with another body.
    """
    row = {"scope": scope, "key": key, "fingerprint": _fingerprint(body), "created_at": clock.now()}
    first = session.scalar(
        insert(IdempotencyKey).values(**row).on_conflict_do_nothing().returning(IdempotencyKey.key),
    )
    return made(session, scope, key, body) if first is None else None


def made(session: Session, scope: str, key: str, body: dict[str, Any]) -> UUID | None:
    """Return the id an earlier identical request made, without claiming the key; None when there was none.

    For requests that ask a network between two transactions: a repeat need not ask again. Raises IdempotencyMismatch.
    """
    kept = session.scalars(
        select(IdempotencyKey).where(IdempotencyKey.scope == scope, IdempotencyKey.key == key)
    ).one_or_none()
    if kept is None:
        return None
    if kept.fingerprint != _fingerprint(body):
        raise IdempotencyMismatch
    return kept.resource_id


def finish(session: Session, scope: str, key: str, resource_id: UUID) -> None:
    """Remember what the request made."""
    row = session.get_one(IdempotencyKey, (scope, key))
    row.resource_id = resource_id


def _fingerprint(body: dict[str, Any]) -> bytes:
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).digest()
