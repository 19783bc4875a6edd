"""Collections over HTTP: the promoter's consent, what became of it, and the metadata it refers to."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response, status
from sqlalchemy import select

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import show_address
from backend.accounts.errors import BadSignature, NotYourOrganisation
from backend.catalog import service as catalog
from backend.catalog.errors import NoTiers, UnknownEvent
from backend.chain import registry, unsigned
from backend.chain.deployments import NotDeployed
from backend.chain.port import ChainUnreachable, InsufficientFunds
from backend.chain.unsigned import CallWouldRevert
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.settings import get_settings
from backend.tickets import consent, keys, metadata_changes
from backend.tickets.errors import (
    CollectionExists,
    CollectionUnknown,
    ConsentExpired,
    ConsentOutdated,
    ContentUnknown,
    NoGuardian,
    NoWallet,
)
from backend.tickets.ipfs import registry as stores
from backend.tickets.ipfs.port import StoreUnavailable
from backend.tickets.models import Collection
from backend.tickets.schemas import CollectionOut, ConsentIn, ConsentOut, TransactionOut

router = APIRouter(tags=["collections"])

Promoter = Annotated[Principal, allow(Role.PROMOTER)]


def _words(event_id: UUID, principal: Principal, deadline: datetime, now: datetime) -> list[consent.Words]:
    """Return the words with each of our minters, the one with the least to do first."""
    if principal.wallet is None:
        raise NoWallet
    settings = get_settings()
    ours = keys.pool(settings.evm_network)
    with unit_of_work() as session:
        event = catalog.get_event(session, event_id)
        principal.must_manage(event.organisation_id)
        consent.check_free(session, event_id)
        minters = keys.by_load(session, settings.evm_network, ours, now)
        return [consent.words(session, event, principal.wallet, deadline, settings, minter) for minter in minters]


@router.get(
    "/v1/events/{event_id}/collection/consent",
    summary="What the promoter signs to have the collection deployed",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NotYourOrganisation,
        UnknownEvent,
        NoWallet,
        NoTiers,
        NoGuardian,
        CollectionExists,
        NotDeployed,
        ChainUnreachable,
    ),
)
def get_consent(event_id: UUID, principal: Promoter, now: NowDep) -> ConsentOut:
    """Return the typed data over every parameter. Changes nothing; good for a day."""
    asked = _words(event_id, principal, now + consent.VALID_FOR, now)[0]
    address = consent.predict(asked, registry.port(asked.network))
    return ConsentOut(
        typed_data=asked.typed_data, predicted_address=show_address(address), deadline=asked.message["deadline"]
    )


@router.post(
    "/v1/events/{event_id}/collection",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Hand in the signed consent",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NotYourOrganisation,
        UnknownEvent,
        NoWallet,
        NoTiers,
        NoGuardian,
        BadSignature,
        ConsentExpired,
        ConsentOutdated,
        CollectionExists,
        NotDeployed,
        ChainUnreachable,
    ),
)
def deploy_collection(event_id: UUID, body: ConsentIn, principal: Promoter, now: NowDep) -> CollectionOut:
    """Store exactly what was signed and have it deployed. An event that changed since makes the signature not fit."""
    deadline = datetime.fromtimestamp(body.deadline, UTC)
    consent.check_deadline(deadline, now)
    offered = _words(event_id, principal, deadline, now)
    signature = bytes.fromhex(body.signature[2:])
    # No transaction is open here: both ask the chain.
    port = registry.port(offered[0].network)
    asked = consent.prove(offered, signature, port)
    address = consent.predict(asked, port)
    with unit_of_work() as session:
        event = catalog.get_event(session, event_id)
        return CollectionOut.of(consent.accept(session, event, asked, signature, address, now))


@router.get(
    "/v1/events/{event_id}/collection",
    summary="The event's collection",
    responses=responses(CollectionUnknown),
)
def get_collection(
    event_id: UUID, _principal: Annotated[Principal | None, allow(Role.PUBLIC)], session: SessionDep
) -> CollectionOut:
    """Return what was signed and how far it is. Public: all of it is on chain, or will be."""
    found = session.scalars(select(Collection).where(Collection.event_id == event_id)).one_or_none()
    if found is None:
        raise CollectionUnknown
    return CollectionOut.of(found)


@router.post(
    "/v1/events/{event_id}/collection/freeze-metadata",
    summary="Freeze the metadata: the transaction for the promoter's wallet",
    responses=responses(
        Unauthenticated,
        Forbidden,
        NotYourOrganisation,
        UnknownEvent,
        NoWallet,
        CollectionUnknown,
        CallWouldRevert,
        InsufficientFunds,
        ChainUnreachable,
    ),
)
def freeze_metadata(event_id: UUID, principal: Promoter) -> TransactionOut:
    """Return the owner's unsigned `freezeMetadata`, tried first. Once it is mined nobody changes what tickets say."""
    if principal.wallet is None:
        raise NoWallet
    with unit_of_work() as session:
        principal.must_manage(catalog.get_event(session, event_id).organisation_id)
        found = session.scalars(select(Collection).where(Collection.event_id == event_id)).one_or_none()
        if found is None or found.address is None or found.live_at is None:
            raise CollectionUnknown
        network, address = found.network, found.address
    data = metadata_changes.freezing()
    wallet = principal.wallet
    return TransactionOut(transaction=unsigned.transaction_for_wallet(registry.port(network), wallet, address, data))


@router.get(
    "/v1/metadata/{cid}/{path}",
    summary="A file of a metadata directory",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"example": {"name": "Nordlys - Floor"}}}},
        **responses(ContentUnknown, StoreUnavailable),
    },
)
def get_metadata(
    cid: Annotated[str, Path(pattern=r"^b[a-z2-7]{20,100}$")],
    path: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]+\.json$", max_length=100)],
    _principal: Annotated[Principal | None, allow(Role.PUBLIC)],
) -> Response:
    """Serve pinned metadata. The `X-Content-Store` header says where it comes from; the embedded store is not IPFS."""
    store = stores.store()
    content = store.read(cid, path)
    if content is None:
        raise ContentUnknown
    # The name is a hash of the content: what it once was, it always is.
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Store": store.name}
    return Response(content, media_type="application/json", headers=headers)
