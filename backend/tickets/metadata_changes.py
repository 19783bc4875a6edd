"""What became of a collection's metadata after its deployment: the owner may point it elsewhere until it is frozen.

The logs of either say nothing of what it is now, so a final one marks the collection, and the chain is asked.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.catalog import service as catalog
from backend.chain import abi
from backend.chain.onlog import Log
from backend.chain.port import ChainPort
from backend.kit import logs as kit_logs
from backend.kit.db import locked
from backend.kit.nudges import nudge
from backend.tickets.models import Collection

EVENTS = ("BatchMetadataUpdate", "MetadataFrozen")
_CONTRACT = "TicketCollection"
_FILE = "collection.json"
_log = kit_logs.get(__name__)


def seen(session: Session, network: str, logs: Sequence[Log]) -> None:
    """Mark the collections of these final logs, and have the chain asked."""
    addresses = {log.address for log in logs}
    query = select(Collection).where(Collection.network == network, Collection.address.in_(addresses))
    for collection in session.scalars(query.order_by(Collection.id).with_for_update(key_share=True)):
        collection.metadata_marks += 1
        nudge(session, "tickets.read_metadata", collection.id)
    session.flush()


def unread(session: Session) -> list[UUID]:
    """Return the collections that were marked and not read since."""
    return list(session.scalars(select(Collection.id).where(Collection.metadata_marks > Collection.metadata_read)))


def read(port: ChainPort, address: bytes) -> tuple[str, bool]:
    """Return the base URI and whether it is frozen, as the chain has them now. Asks the network."""
    uri = _call(port, address, "contractURI")
    return str(uri).removesuffix(_FILE), bool(_call(port, address, "metadataFrozen"))


def found(session: Session, collection_id: UUID, marks: int, base_uri: str, *, is_frozen: bool) -> None:
    """Write down what was read when there were so many marks; an alarm when the URI is not the one that was signed."""
    collection = locked(session, Collection, collection_id)
    if collection is None or collection.metadata_read >= marks:
        return
    if base_uri != (collection.base_uri or collection.params["baseURI"]):
        _log.error("metadata_changed", collection_id=str(collection_id), base_uri=base_uri)
    collection.metadata_read, collection.metadata_frozen = marks, is_frozen
    collection.base_uri = None if base_uri == collection.params["baseURI"] else base_uri
    session.flush()
    if is_frozen:
        catalog.freeze_metadata(session, collection.event_id)


def freezing() -> bytes:
    """Return the owner's call that freezes the metadata for good."""
    return abi.encode_call(_CONTRACT, "freezeMetadata")


def _call(port: ChainPort, address: bytes, function: str) -> object:
    return abi.decode_output(_CONTRACT, function, port.call(address, abi.encode_call(_CONTRACT, function)))
