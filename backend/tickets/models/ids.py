"""Keys and checks that the tables of this capability share."""

from enum import StrEnum
from typing import NewType
from uuid import UUID

from sqlalchemy import CheckConstraint

CollectionId = NewType("CollectionId", UUID)
BatchId = NewType("BatchId", UUID)
TicketId = NewType("TicketId", UUID)


def one_of(column: str, words: type[StrEnum], name: str) -> CheckConstraint:
    """Return the check that a column holds one of these words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)
