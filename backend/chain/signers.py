"""The rows of our keys: allotting nonces, one at a time, and what the watch last saw of each key."""

from collections.abc import Callable

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backend.chain.models import ChainSigner
from backend.chain.networks import UnknownNetwork
from backend.chain.port import ChainPort
from backend.kit import clock
from backend.kit.db import unit_of_work
from backend.kit.ids import new_id


def known(session: Session, network: str, address: bytes) -> bool:
    """Say whether the key has a row already."""
    query = select(ChainSigner.id).where(ChainSigner.network == network, ChainSigner.address == address)
    return session.scalars(query).one_or_none() is not None


def enroll(port: ChainPort, network: str, role: str, address: bytes) -> None:
    """Give a key its row; its first nonce is the chain's own count, pending ones included.

    A door: opens transactions.
    """
    with unit_of_work() as session:
        if known(session, network, address):
            return
    first = port.nonce(address, "pending")
    with unit_of_work() as session:
        statement = insert(ChainSigner).values(
            id=new_id(), network=network, role=role, address=address, next_nonce=first
        )
        session.execute(statement.on_conflict_do_nothing(index_elements=["network", "address"]))


def allot(session: Session, network: str, address: bytes, final_nonces: int) -> int:
    """Take the next nonce of a key, holding its row locked until the transaction ends.

    Nonces below `final_nonces` were used in final blocks, perhaps by somebody else who holds the key: they are skipped.
    Nothing lower is ever skipped, so a reorg cannot leave a hole.
    """
    row = _locked(session, network, address)
    nonce = max(row.next_nonce, final_nonces)
    row.next_nonce = nonce + 1
    session.flush()
    return nonce


def locked(session: Session, network: str, address: bytes) -> ChainSigner:
    """Return the key's row, locked until the transaction ends: nobody allots a nonce meanwhile."""
    return _locked(session, network, address)


def _locked(session: Session, network: str, address: bytes) -> ChainSigner:
    query = select(ChainSigner).where(ChainSigner.network == network, ChainSigner.address == address)
    return session.scalars(query.with_for_update(key_share=True).execution_options(populate_existing=True)).one()


def look(ports: Callable[[str], ChainPort]) -> None:
    """Write down what the chain says of each key: mined transactions and wei. A door: opens transactions."""
    with unit_of_work() as session:
        rows = list(session.scalars(select(ChainSigner)))
    for row in rows:
        try:
            port = ports(row.network)
        except UnknownNetwork:
            # A network we served once; its rows are history.
            continue
        nonce, balance = port.nonce(row.address), port.balance(row.address)
        with unit_of_work() as session:
            values = {"seen_nonce": nonce, "seen_balance": balance, "seen_at": clock.now()}
            session.execute(update(ChainSigner).where(ChainSigner.id == row.id).values(values))
