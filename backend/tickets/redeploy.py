"""Having a collection that does not get on looked at now, or begun again: a person has removed what was in its way."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from backend.chain import outbox
from backend.chain.rules import OPEN_SENDS
from backend.kit.db import locked
from backend.kit.nudges import nudge
from backend.tickets import deploy
from backend.tickets.errors import CollectionNotWaiting, CollectionUnknown, ConsentExpired
from backend.tickets.models import Collection
from backend.tickets.rules import step
from backend.tickets.states import CollectionStatus

_NEXT = {
    CollectionStatus.CONSENTED: "tickets.deploy_collection",
    CollectionStatus.UNKNOWN: "tickets.ask_deployment",
    CollectionStatus.DEPLOYED: "tickets.verify_collection",
    CollectionStatus.MISMATCH: "tickets.verify_collection",
}


def retry(session: Session, collection_id: UUID, now: datetime) -> Collection:
    """Go on from where the collection stands. One whose deployment was refused is sent again under the same consent.

    Raises CollectionUnknown, CollectionNotWaiting, and ConsentExpired when the promoter has to sign anew.
    """
    latest = outbox.find(session, deploy.DEPLOY, collection_id)
    if latest is not None and latest.status in OPEN_SENDS:
        # Its row is locked before the collection's.
        outbox.hurry(session, latest.id)
    collection = locked(session, Collection, collection_id)
    if collection is None:
        raise CollectionUnknown
    status = CollectionStatus(collection.status)
    if status is CollectionStatus.STUCK:
        if collection.consent_expires_at <= now:
            raise ConsentExpired
        collection.status = step(status, CollectionStatus.CONSENTED)
        collection.generation += 1
        collection.attempts, collection.last_error = 0, None
        status = CollectionStatus.CONSENTED
    elif status not in {*_NEXT, CollectionStatus.DEPLOYING}:
        raise CollectionNotWaiting(status=status)
    collection.run_after = None
    session.flush()
    if status in _NEXT:
        nudge(session, _NEXT[status], collection.id)
    return collection
