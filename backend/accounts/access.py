"""Who is calling and whether they may: every route declares it with exactly one `allow(...)`.

    def publish(principal: Annotated[Principal, allow(Role.PROMOTER)], ...): ...

Roles are read anew for every request, in a short transaction of their own that is over before the route begins: a
taken role is gone at the next request, and a route that calls out holds no transaction open because of us.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header
from sqlalchemy import select

from backend.accounts import sessions
from backend.accounts.errors import NotYourOrganisation
from backend.accounts.models import Role, RoleGrant
from backend.kit.clock import NowDep
from backend.kit.db import unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated

__all__ = ["Allow", "Principal", "Role", "allow", "principal_of"]

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class Principal:
    """The signed-in caller: the account, the wallet it signed in with, and what it was granted."""

    account_id: UUID
    wallet: bytes | None
    roles: frozenset[Role]
    organisations: frozenset[UUID] = frozenset()
    """The organisations it manages as PROMOTER."""
    steward_events: frozenset[UUID] = frozenset()
    """The events whose door it works as STEWARD."""
    session_id: UUID | None = None

    def manages(self, organisation_id: UUID) -> bool:
        """Whether it may act for the organisation: as its promoter, or as an admin."""
        return organisation_id in self.organisations or Role.ADMIN in self.roles

    def must_manage(self, organisation_id: UUID) -> None:
        """Raise NotYourOrganisation (403) unless it manages the organisation."""
        if not self.manages(organisation_id):
            raise NotYourOrganisation


def principal_of(token: str, now: datetime) -> Principal:
    """Return the caller that `token` stands for, with the roles it has at this moment. Raises Unauthenticated."""
    with unit_of_work() as session:
        found = sessions.find(session, token, now)
        if found is None:
            raise Unauthenticated
        login, wallet = found
        grants = session.scalars(select(RoleGrant).where(RoleGrant.account_id == login.account_id)).all()
        return Principal(
            account_id=login.account_id,
            wallet=wallet,
            roles=frozenset({Role.FAN, *(Role(grant.role) for grant in grants)}),
            organisations=frozenset(
                grant.organisation_id for grant in grants if grant.role == Role.PROMOTER and grant.organisation_id
            ),
            steward_events=frozenset(
                grant.event_id for grant in grants if grant.role == Role.STEWARD and grant.event_id
            ),
            session_id=login.id,
        )


def _caller(
    now: NowDep, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
) -> Principal | None:
    if authorization is None:
        return None
    # A header that is there but no good is refused even where nobody need sign in: the caller believes to be somebody.
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != _SCHEME or not 0 < len(token) <= sessions.LONGEST_TOKEN:
        raise Unauthenticated
    return principal_of(token, now)


class Allow:
    """A route's declared permission. Tests and the OpenAPI document read `allowed`."""

    def __init__(self, *roles: Role) -> None:
        """Let in whoever has one of `roles`."""
        if not roles:
            raise ValueError("a route allows somebody: name the roles")
        self.allowed = frozenset(roles)

    def __call__(
        self,
        caller: Annotated[Principal | None, Depends(_caller)],
        x_order_secret: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Principal | None:
        """Return the caller, None for one who is not signed in where that is allowed; else refuse."""
        if Role.PUBLIC in self.allowed or (Role.GUEST in self.allowed and x_order_secret):
            return caller
        if caller is None:
            raise Unauthenticated
        if not self.allowed & caller.roles:
            raise Forbidden
        return caller


def allow(*roles: Role) -> Any:
    """Declare who may call a route, as the head of this module shows.

    The roles are alternatives and nothing is implied: where an admin may act too, ADMIN is named. FAN is any
    signed-in account. PUBLIC lets everybody in and GUEST whoever sends `X-Order-Secret` (`orders` checks it); with
    either the principal may be None, so annotate it `Principal | None`.

    The dependency raises Unauthenticated (401) and Forbidden (403).
    """
    return Depends(Allow(*roles))
