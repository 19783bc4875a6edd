"""Roles: who gives which to whom, and that there is always an admin left.

Every change is logged with who made it; the row says who granted.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backend.accounts.errors import LastAdmin, NoSuchGrant, UnknownGrantEvent, UnknownOrganisation, WrongGrantScope
from backend.accounts.models import Organisation, Role, RoleGrant
from backend.accounts.service import account_for_wallet, find_wallet
from backend.kit import logs
from backend.kit.ids import new_id

_log = logs.get(__name__)

# Which of (organisation, event) a grant of the role names.
_SCOPES = {Role.ADMIN: (False, False), Role.PROMOTER: (True, False), Role.STEWARD: (True, True)}


def grant(
    session: Session,
    address: bytes,
    role: Role,
    granted_by: UUID | None,
    now: datetime,
    *,
    organisation_id: UUID | None = None,
    event_id: UUID | None = None,
) -> RoleGrant:
    """Give the wallet's account a role; giving it twice changes nothing.

    Raises WrongGrantScope, UnknownOrganisation, UnknownGrantEvent.
    """
    if _SCOPES.get(role) != (organisation_id is not None, event_id is not None):
        raise WrongGrantScope
    if organisation_id is not None and session.get(Organisation, organisation_id) is None:
        raise UnknownOrganisation
    account = account_for_wallet(session, address, now)
    statement = (
        insert(RoleGrant)
        .values(
            id=new_id(),
            account_id=account.id,
            role=role.value,
            organisation_id=organisation_id,
            event_id=event_id,
            granted_by=granted_by,
            created_at=now,
        )
        .on_conflict_do_nothing()
    )
    try:
        with session.begin_nested():
            made = session.execute(statement.returning(RoleGrant.id)).one_or_none()
    except IntegrityError as error:
        # The catalog's foreign key: there is no such event, or it is another organisation's.
        raise UnknownGrantEvent from error
    row = _find(session, account.id, role, organisation_id, event_id)
    if row is None:
        raise NoSuchGrant
    if made is not None:
        _log.info("role_granted", grant_id=str(row.id), role=role.value, by=str(granted_by or "operator"))
    return row


def revoke(
    session: Session,
    address: bytes,
    role: Role,
    revoked_by: UUID,
    *,
    organisation_id: UUID | None = None,
    event_id: UUID | None = None,
) -> None:
    """Take a role away; the next request goes without it. Raises NoSuchGrant, LastAdmin."""
    wallet = find_wallet(session, address)
    if role == Role.ADMIN:
        # Every admin's grant is locked, in one order: two admins who dismiss each other at once queue up here, and the
        # second finds itself alone.
        query = (
            select(RoleGrant.id)
            .where(RoleGrant.role == Role.ADMIN)
            .order_by(RoleGrant.id)
            .with_for_update(key_share=True)
        )
        admins = len(session.scalars(query).all())
    row = None if wallet is None else _find(session, wallet.account_id, role, organisation_id, event_id)
    if row is None:
        raise NoSuchGrant
    if role == Role.ADMIN and admins <= 1:
        raise LastAdmin
    session.delete(row)
    session.flush()
    _log.info("role_revoked", grant_id=str(row.id), role=role.value, by=str(revoked_by))


def onboard(
    session: Session, address: bytes, name: str, granted_by: UUID, now: datetime
) -> tuple[Organisation, RoleGrant]:
    """Make an organisation and its first promoter."""
    organisation = Organisation(name=name, created_at=now)
    session.add(organisation)
    session.flush()
    _log.info("organisation_made", organisation_id=str(organisation.id), by=str(granted_by))
    return organisation, grant(session, address, Role.PROMOTER, granted_by, now, organisation_id=organisation.id)


def _find(
    session: Session, account_id: UUID, role: Role, organisation_id: UUID | None, event_id: UUID | None
) -> RoleGrant | None:
    query = select(RoleGrant).where(
        RoleGrant.account_id == account_id,
        RoleGrant.role == role.value,
        RoleGrant.organisation_id.is_not_distinct_from(organisation_id),
        RoleGrant.event_id.is_not_distinct_from(event_id),
    )
    return session.scalars(query).one_or_none()
