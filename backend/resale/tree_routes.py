"""Many listings under one signature over HTTP: prepare, sign once, withdraw. Each is bought as a listing of its own."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, status

from backend.chain import registry
from backend.kit import idempotency
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import responses
from backend.kit.idempotency import IdempotencyMismatch, KeyHeader
from backend.resale import order_routes, signing, standing, trees
from backend.resale.errors import (
    AlreadyListed,
    NothingToWithdraw,
    NotYourTicket,
    OldListingLives,
    SameTicketTwice,
    TreeUnknown,
)
from backend.resale.order_routes import PERSON, PREPARING, SENDING, SIGNING, Fan
from backend.resale.schemas import MarketOrderOut, SignatureIn, TreeCancelOut, TreeIn, TreeOut
from backend.resale.signing import Person
from backend.resale.states import Status

router = APIRouter(tags=["resale"])

_OVER = (Status.SETTLING, Status.SETTLED, Status.EXPIRED)


@router.post(
    "/v1/listing-trees",
    status_code=status.HTTP_201_CREATED,
    summary="Prepare many listings: what the seller signs once",
    responses=responses(*PREPARING, NotYourTicket, SameTicketTwice, OldListingLives, IdempotencyMismatch, TreeUnknown),
)
def prepare_tree(body: TreeIn, principal: Fan, key: KeyHeader, now: NowDep) -> TreeOut:
    """Return the typed data of the tree's root, or why a ticket cannot be sold; `details.index` says which.

    Nothing is for sale until it is signed. The same key and body again return the same tree.
    """
    seller = Person.of(principal)
    scope, asked = f"listing-tree:{seller.account_id}", _asked(body, seller)
    with unit_of_work() as session:
        earlier = idempotency.made(session, scope, key, asked)
        if earlier is not None:
            return TreeOut.of(trees.of_person(session, earlier, seller))
    expires_at = signing.expiry(body.expires_at, now)
    trees.check_distinct([listing.ticket_id for listing in body.listings])
    leaves = []
    for index, listing in enumerate(body.listings):
        with trees.about(index, listing.ticket_id):
            found, terms = order_routes.own_ticket(seller, listing.ticket_id, listing.price, now)
        leaves.append(trees.Leaf(found, terms, listing.price))
    with unit_of_work() as session:
        # Of two at once the second waits here for the first, and returns what that made.
        earlier = idempotency.begin(session, scope, key, asked)
        if earlier is not None:
            return TreeOut.of(trees.of_person(session, earlier, seller))
        rows = trees.draft(session, seller, leaves, expires_at, now)
        shown = TreeOut.of(rows)
        idempotency.finish(session, scope, key, shown.tree_id)
        return shown


@router.get(
    "/v1/listing-trees/{tree_id}",
    summary="A tree of listings: its root and each leaf",
    responses=responses(*PERSON, TreeUnknown),
)
def get_tree(tree_id: UUID, principal: Fan, session: SessionDep, now: NowDep) -> TreeOut:
    """Return the seller's own tree, with each listing as it stands."""
    rows = trees.of_person(session, tree_id, Person.of(principal))
    return TreeOut.of(rows, [standing.judge(session, row, now) for row in rows])


@router.put(
    "/v1/listing-trees/{tree_id}/signature",
    summary="Hand in the signature of the root: every ticket is for sale",
    responses=responses(*SIGNING, TreeUnknown, AlreadyListed, OldListingLives),
)
def sign_tree(tree_id: UUID, body: SignatureIn, principal: Fan, now: NowDep) -> TreeOut:
    """Check the signature as the market will, and list all or none. Repeating it changes nothing."""
    seller = Person.of(principal)
    with unit_of_work() as session:
        rows = trees.of_person(session, tree_id, seller)
        asked = signing.draft_of(rows[0])
        if all(row.signature is not None for row in rows):
            return TreeOut.of(rows)
    signature = signing.prove(asked, bytes.fromhex(body.signature[2:]), registry.port(asked.network))
    with unit_of_work() as session:
        return TreeOut.of(signing.sign(session, [row.id for row in rows], signature, None, now))


@router.post(
    "/v1/listing-trees/{tree_id}/cancel",
    summary="Withdraw what is left of a tree: here at once, on chain by the returned transaction",
    responses=responses(*PERSON, TreeUnknown, NothingToWithdraw, *SENDING),
)
def cancel_tree(tree_id: UUID, principal: Fan, now: NowDep) -> TreeCancelOut:
    """Withdraw each listing that is not sold or expired. To withdraw one, cancel that listing."""
    seller = Person.of(principal)
    with unit_of_work() as session:
        rows = trees.of_person(session, tree_id, seller)
        left = [row.id for row in rows if standing.judge(session, row, now)[0] not in _OVER]
        if not left:
            raise NothingToWithdraw
        rows = signing.withdraw(session, left, now)
    shown = [MarketOrderOut.of(row) for row in rows]
    return TreeCancelOut(orders=shown, transaction=order_routes.withdrawal(seller, rows))


def _asked(body: TreeIn, seller: Person) -> dict[str, Any]:
    return body.model_dump(mode="json") | {"wallet": seller.wallet.hex()}
