"""Writes what this house minted and quoted itself: `python -m backend.tickets.known_batches > known.json`.

`ape run minter_compromise --known known.json` compares it with the chain's logs: docs/runbooks/minter-compromise.md.
It reads only, and connects with DATABASE_URL and EVM_RPC_URL, as the worker does. Of a house that `scripts/start` runs
they are in `.backstage/house.env`.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.chain import registry
from backend.chain.port import ChainUnreachable
from backend.kit import clock, db
from backend.kit.db import DatabaseAway
from backend.orders.models import Order
from backend.payments.models import Payment
from backend.payments.rules import ON_CHAIN
from backend.settings import get_settings
from backend.tickets import quote
from backend.tickets.errors import NoQuote
from backend.tickets.models import Batch, Collection
from backend.tickets.states import BatchStatus

FORMAT = 1
_HOW = (
    "give the house's DATABASE_URL and EVM_RPC_URL; "
    "of a house that scripts/start runs by `set -a; . .backstage/house.env; set +a`"
)
_MINTS_NOTHING = (BatchStatus.OPEN, BatchStatus.CANCELLED)
"""A cancelled number minted after all would double its tickets, which went into another batch: it is not known."""


def known(session: Session, network: str, block: int) -> dict[str, Any]:
    """Return every batch and quote of every collection on `network`.

    `block` is the chain's head before the session looked: a batch is stored before it is sent, so all that the house
    minted up to that block is here.
    """
    query = select(Collection).where(Collection.network == network, Collection.address.is_not(None))
    return {
        "format": FORMAT,
        "network": network,
        "block": block,
        "written_at": clock.now().isoformat(),
        "collections": [
            {
                "address": show_address(collection.address or b""),
                "batches": _batches(session, collection),
                "quotes": _quotes(session, collection),
            }
            for collection in session.scalars(query.order_by(Collection.created_at, Collection.id))
        ],
    }


def _batches(session: Session, collection: Collection) -> list[dict[str, Any]]:
    query = (
        select(Batch.number, Batch.contents_hash)
        .where(Batch.collection_id == collection.id, Batch.status.not_in(_MINTS_NOTHING))
        .order_by(Batch.number)
    )
    return [{"number": number, "contents_hash": "0x" + contents.hex()} for number, contents in session.execute(query)]


def _quotes(session: Session, collection: Collection) -> list[dict[str, Any]]:
    """Return every quote that was or could have been given, with its terms: a stolen key could reuse an id."""
    query = (
        select(Order, Payment)
        .join(Payment, Payment.reference_id == Order.id)
        .where(Order.event_id == collection.event_id, Payment.provider == ON_CHAIN)
        .order_by(Payment.created_at, Payment.id)
    )
    found = []
    for order, payment in session.execute(query):
        try:
            terms = quote.quote_of(session, order, payment, collection)
        except NoQuote:  # nothing was ever quoted for an order without a wallet or of several tiers
            continue
        found.append(
            {
                "id": "0x" + terms.id.hex(),
                "buyer": show_address(terms.buyer),
                "tier": terms.tier,
                "quantity": terms.quantity,
                "currency": show_address(terms.currency),
                "price": str(terms.price),
                "fee": str(terms.fee),
            }
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file to standard output. Returns the exit status."""
    argparse.ArgumentParser(
        prog="python -m backend.tickets.known_batches",
        description="Write what this house minted and quoted itself, for `ape run minter_compromise --known`.",
    ).parse_args(arguments)
    settings = get_settings()
    try:
        block = registry.port(settings.evm_network).head().number
    except ChainUnreachable as error:
        sys.stderr.write(f"The node does not answer, so nobody can say up to which block this holds: {error}\n{_HOW}\n")
        return 1
    db.configure(settings.database_url, pool_size=1)
    try:
        with db.unit_of_work() as session:
            told = known(session, settings.evm_network, block)
    except DatabaseAway:
        sys.stderr.write(f"The database of DATABASE_URL does not answer: {_HOW}\n")
        return 1
    finally:
        db.engine().dispose()
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
