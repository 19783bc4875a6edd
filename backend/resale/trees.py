"""Many listings under one signature: drafted together, signed once as the root of a tree, then each by itself.

Each leaf keeps its proof, so it is bought, withdrawn and judged without the others.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.kit.errors import BusinessError
from backend.kit.ids import new_id
from backend.resale import merkle, rules, signing
from backend.resale.errors import SameTicketTwice, TreeUnknown
from backend.resale.models import MarketOrder
from backend.resale.signing import Person
from backend.resale.states import Kind
from backend.resale.subject import Subject

FEWEST, MOST = 2, 50
"""Listings in a tree. The contract names no most; each ticket is asked about at the network before its seller signs."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One ticket of a tree, looked at by this house and by the chain."""

    subject: Subject
    terms: rules.Terms
    price: int


@contextmanager
def about(index: int, ticket_id: UUID) -> Iterator[None]:
    """Say in whatever is refused within which of several tickets it is about."""
    try:
        yield
    except BusinessError as refused:
        refused.details |= {"index": index, "ticket_id": str(ticket_id)}
        raise


def check_distinct(ticket_ids: Sequence[UUID]) -> None:
    """Raise SameTicketTwice."""
    for index, ticket_id in enumerate(ticket_ids):
        with about(index, ticket_id):
            if ticket_id in ticket_ids[:index]:
                raise SameTicketTwice


def draft(
    session: Session, seller: Person, leaves: Sequence[Leaf], expires_at: datetime, now: datetime
) -> list[MarketOrder]:
    """Write down the listings of a new tree, in the order given. Raises UnknownCurrency, OldListingLives."""
    rows = []
    for index, leaf in enumerate(leaves):
        with about(index, leaf.subject.ticket_id):
            rows.append(
                signing.draft(session, Kind.LISTING, seller, leaf.subject, leaf.terms, leaf.price, expires_at, now)
            )
    tree_id, tree = new_id(), merkle.grow([row.order_hash for row in rows])
    for row, proof in zip(rows, tree.proofs, strict=True):
        row.tree_id, row.proof = tree_id, list(proof)
    session.flush()
    return rows


def of_person(session: Session, tree_id: UUID, person: Person) -> list[MarketOrder]:
    """Return the caller's own tree, in the order it was asked for. Raises TreeUnknown."""
    query = select(MarketOrder).where(
        MarketOrder.tree_id == tree_id,
        MarketOrder.account_id == person.account_id,
        MarketOrder.signer == person.wallet,
    )
    # Ids count up in the order in which the listings were drafted.
    rows = list(session.scalars(query.order_by(MarketOrder.id)))
    if not rows:
        raise TreeUnknown
    return rows
