"""What an admin does about a collection that does not get on."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, status

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.tickets import redeploy
from backend.tickets.errors import CollectionNotWaiting, CollectionUnknown, ConsentExpired
from backend.tickets.schemas import CollectionOut

router = APIRouter(prefix="/v1/admin", tags=["admin"])


@router.post(
    "/collections/{collection_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Have a collection that does not get on looked at now",
    responses=responses(Unauthenticated, Forbidden, CollectionUnknown, CollectionNotWaiting, ConsentExpired),
)
def retry_collection(
    collection_id: UUID, admin: Annotated[Principal, allow(Role.ADMIN)], session: SessionDep, now: NowDep
) -> CollectionOut:
    """Pin, send, ask or compare again, whichever is next; a refused deployment anew while the consent is good."""
    collection = redeploy.retry(session, collection_id, now)
    audit.record(session, admin.account_id, "collection.retry", collection_id, now)
    return CollectionOut.of(collection)
