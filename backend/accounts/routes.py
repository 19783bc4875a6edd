"""HTTP: signing in and out, who am I, and the admin's promoters and roles."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from backend.accounts import grants, limits, service, sessions
from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import parse_address, show_address
from backend.accounts.errors import (
    BadSignature,
    LastAdmin,
    MalformedSiwe,
    NoSuchGrant,
    SignInRefused,
    UnknownGrantEvent,
    UnknownOrganisation,
    WrongGrantScope,
)
from backend.accounts.models import Organisation, RoleGrant, Wallet
from backend.accounts.proofs import siwe
from backend.accounts.proofs.verify import verify_message
from backend.accounts.schemas import (
    AccountShown,
    GrantableRole,
    GrantRequest,
    GrantShown,
    Me,
    NonceGiven,
    NonceRequest,
    OrganisationShown,
    PromoterRequest,
    PromoterShown,
    SignedInShown,
    SignInRequest,
)
from backend.chain import registry
from backend.chain.port import ChainUnreachable
from backend.kit import errors, pages
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.settings import Settings, get_settings

router = APIRouter(prefix="/v1")

Admin = Annotated[Principal, allow(Role.ADMIN)]
SignedInCaller = Annotated[Principal, allow(Role.FAN)]


def site(settings: Settings) -> siwe.Site:
    """Return what a sign-in message must name here."""
    return siwe.Site(
        domain=settings.domain,
        uri=settings.public_url,
        chain_id=int(settings.evm_network.partition(":")[2]),
        longest=timedelta(minutes=settings.siwe_minutes),
    )


@router.post(
    "/auth/siwe/nonce",
    tags=["sign in"],
    status_code=201,
    dependencies=[allow(Role.PUBLIC)],
    responses=errors.responses(errors.TooMany),
)
def give_nonce(body: NonceRequest, request: Request, session: SessionDep, now: NowDep) -> NonceGiven:
    """Get a nonce and the message to sign with it (EIP-4361)."""
    settings = get_settings()
    address = parse_address(body.address)
    client = limits.client_of(request.client.host if request.client else None, settings.secret_key)
    row = service.give_nonce(session, address, now, settings.siwe_minutes, client)
    message = siwe.write(site(settings), address, row.nonce, now)
    return NonceGiven(nonce=row.nonce, message=message, expires_at=row.expires_at)


@router.post(
    "/auth/siwe/verify",
    tags=["sign in"],
    dependencies=[allow(Role.PUBLIC)],
    responses=errors.responses(SignInRefused, MalformedSiwe, ChainUnreachable),
)
def verify(body: SignInRequest, now: NowDep) -> SignedInShown:
    """Exchange a signed message for a session token. Plain, contract (ERC-1271) and undeployed (ERC-6492) wallets."""
    settings = get_settings()
    claim = siwe.read(body.message, site(settings), now)
    with unit_of_work() as session:
        service.check_nonce(session, claim.address, claim.nonce, now)
    # Between two transactions: whether the address is a contract, and what it says, is asked over the network.
    try:
        verify_message(
            claim.address, body.message, bytes.fromhex(body.signature[2:]), registry.port(settings.evm_network)
        )
    except BadSignature as error:
        raise SignInRefused(reason="signature", signature=error.details["reason"]) from error
    with unit_of_work() as session:
        signed_in = service.sign_in(session, claim.address, claim.nonce, now, settings.session_hours)
        return SignedInShown(
            token=signed_in.token,
            expires_at=signed_in.login.expires_at,
            account=AccountShown(id=signed_in.wallet.account_id, address=show_address(claim.address)),
        )


@router.post("/auth/logout", tags=["sign in"], status_code=204)
def log_out(principal: SignedInCaller, session: SessionDep, now: NowDep) -> None:
    """End this session; its token is refused from now on."""
    if principal.session_id is not None:
        sessions.end(session, principal.session_id, now)


@router.get("/me", tags=["sign in"])
def me(principal: SignedInCaller, session: SessionDep) -> Me:
    """Who you are and what you may do."""
    query = select(Organisation).where(Organisation.id.in_(principal.organisations)).order_by(Organisation.name)
    return Me(
        account_id=principal.account_id,
        address=show_address(principal.wallet) if principal.wallet else None,
        roles=sorted(principal.roles),
        organisations=[OrganisationShown(id=row.id, name=row.name) for row in session.scalars(query)],
        steward_events=sorted(principal.steward_events),
    )


@router.post("/admin/promoters", tags=["admin"], status_code=201)
def onboard_promoter(body: PromoterRequest, principal: Admin, session: SessionDep, now: NowDep) -> PromoterShown:
    """Make an organisation, and the wallet's owner its promoter."""
    organisation, grant = grants.onboard(
        session, parse_address(body.address), body.organisation_name, principal.account_id, now
    )
    [shown] = _show(session, [grant])
    return PromoterShown(organisation=OrganisationShown(id=organisation.id, name=organisation.name), grant=shown)


@router.post(
    "/admin/roles",
    tags=["admin"],
    status_code=201,
    responses=errors.responses(UnknownOrganisation, UnknownGrantEvent, WrongGrantScope),
)
def grant_role(body: GrantRequest, principal: Admin, session: SessionDep, now: NowDep) -> GrantShown:
    """Give a role; giving it again changes nothing."""
    grant = grants.grant(
        session,
        parse_address(body.address),
        body.role,
        principal.account_id,
        now,
        organisation_id=body.organisation_id,
        event_id=body.event_id,
    )
    [shown] = _show(session, [grant])
    return shown


@router.delete("/admin/roles", tags=["admin"], status_code=204, responses=errors.responses(NoSuchGrant, LastAdmin))
def revoke_role(body: GrantRequest, principal: Admin, session: SessionDep) -> None:
    """Take a role away, from the next request on. The last admin cannot be removed."""
    grants.revoke(
        session,
        parse_address(body.address),
        body.role,
        principal.account_id,
        organisation_id=body.organisation_id,
        event_id=body.event_id,
    )


@router.get("/admin/roles", tags=["admin"], responses=errors.responses(pages.BadCursor))
def list_roles(
    principal: Admin,  # noqa: ARG001 - declares who may
    session: SessionDep,
    params: pages.PageParams,
    role: Annotated[GrantableRole | None, Query()] = None,
    organisation_id: Annotated[UUID | None, Query()] = None,
) -> pages.Page[GrantShown]:
    """List who holds which role, the oldest grant first."""
    query = select(RoleGrant)
    if role is not None:
        query = query.where(RoleGrant.role == role.value)
    if organisation_id is not None:
        query = query.where(RoleGrant.organisation_id == organisation_id)
    rows, cursor = pages.paginate(session, query, [RoleGrant.created_at, RoleGrant.id], params)
    return pages.Page[GrantShown](items=_show(session, rows), next_cursor=cursor)


def _show(session: Session, rows: list[RoleGrant]) -> list[GrantShown]:
    accounts = {row.account_id for row in rows}
    addresses: dict[UUID, list[str]] = {account_id: [] for account_id in accounts}
    for wallet in session.scalars(select(Wallet).where(Wallet.account_id.in_(accounts)).order_by(Wallet.id)):
        addresses[wallet.account_id].append(show_address(wallet.address))
    return [
        GrantShown.model_validate(
            {
                "id": row.id,
                "account_id": row.account_id,
                "addresses": addresses[row.account_id],
                "role": row.role,
                "organisation_id": row.organisation_id,
                "event_id": row.event_id,
                "granted_by": row.granted_by,
                "created_at": row.created_at,
            }
        )
        for row in rows
    ]
