"""What tickets let the index be checked by: each token's own contract, the newest root, and what is called final."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.chain import abi
from backend.chain.progress import FINAL_CURSORS
from backend.chain.proving import FROM_FACTS, Expectation, Moment, audits, expects, when_rebuilt, when_verified
from backend.checkpoints import checks, state, take
from backend.checkpoints.rules import packed
from backend.checkpoints.states import CheckKind
from backend.kit import clock

# First, so that movements and holdings are registered as projections before anything is taken of them.
from backend.tickets import onchain as _tickets

_COLLECTION = "TicketCollection"
_SETTLER = f"{FINAL_CURSORS}{_tickets.settle_tokens.__module__}.{_tickets.settle_tokens.__qualname__}"


@expects("tickets")
def tokens(session: Session, moment: Moment) -> Iterator[Expectation]:
    """Expect owner, tier, status and epoch of every token, and of a burned one that there is none.

    The owner by ERC-721's own ownerOf as well: that is what wallets and marketplaces believe.
    """
    from eth_abi.abi import encode  # noqa: PLC0415 - 10 MB that reading a past does without

    for ticket in state.at_block(session, moment.network, moment.number, most=moment.sample):
        about, is_there = f"ticket {ticket.token_id} of 0x{ticket.collection.hex()}", any(ticket.owner)
        values = (ticket.owner, ticket.tier, ticket.status, ticket.epoch)
        for function, expected in (
            ("ticket", encode(["address", "uint16", "uint8", "uint32"], values)),
            ("ownerOf", encode(["address"], [ticket.owner])),
        ):
            data = abi.encode_call(_COLLECTION, function, [ticket.token_id])
            yield Expectation(f"{about} ({function})", ticket.collection, data, expected if is_there else None)


@audits("checkpoint", FROM_FACTS)
def newest_root(session: Session, moment: Moment) -> Iterator[str]:
    """Grow the newest checkpoint's trees from nothing and compare the roots."""
    last = take.latest(session, moment.network)
    if last is None:
        return
    stored = {one.collection: one for one in take.roots_at(session, last)}
    if take.root_of(stored.values()) != last.root:
        yield f"checkpoint at block {last.block_number}: its root does not follow from those of its collections"
    there = state.collections(session, moment.network, last.block_number)
    for collection in sorted(there | set(stored)):
        tickets = [ticket.holds for ticket in state.at_block(session, moment.network, last.block_number, collection)]
        grown = packed(collection, tickets).root if tickets else None
        known = stored[collection].root if collection in stored else None
        if grown != known:
            yield (
                f"checkpoint at block {last.block_number}: the root of 0x{collection.hex()} is "
                f"{_shown(known)}, what the index has gives {_shown(grown)}"
            )


@audits("finality", FROM_FACTS)
def final_flags(session: Session, moment: Moment) -> Iterator[str]:
    """Look for holdings called final that are not, and for those that are and were not called so."""
    query = text("""
        SELECT count(*) FILTER (WHERE final AND updated_block > :number),
               count(*) FILTER (WHERE NOT final AND updated_block <= (
                   SELECT min(block_number) FROM chain_cursors WHERE network = :network AND name = :settler))
        FROM holdings WHERE network = :network
    """)
    values = {"network": moment.network, "number": moment.number, "settler": _SETTLER}
    early, late = session.execute(query, values).one()
    if early:
        yield f"holdings: {early} are called final and changed after block {moment.number}"
    if late:
        yield f"holdings: {late} are final and not called so"


@when_rebuilt
def begin_anew(session: Session, network: str) -> None:
    """Grow all trees from nothing, and let a checkpoint correct one that was taken of wrong projections."""
    take.forget_trees(session, network)
    take.take(session, network, clock.now())


@when_verified
def close_mismatches(session: Session, network: str) -> None:
    """Everything was looked at and agrees: no mismatch is open any more."""
    checks.repaired(session, network, clock.now(), *CheckKind)


def _shown(root: bytes | None) -> str:
    return "none" if root is None else "0x" + root.hex()
