"""Checkpoints and proofs for everybody, checks of the index for admins."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, status
from sqlalchemy import select

from backend.accounts import audit
from backend.accounts.access import Principal, Role, allow
from backend.checkpoints import checks, proofs, take
from backend.checkpoints.errors import CheckUnknown, NoCheckpoint, NothingToTake, ProofNotReady
from backend.checkpoints.models import Checkpoint, IndexCheck
from backend.checkpoints.schemas import CheckpointOut, IndexCheckOut, ProofOut
from backend.checkpoints.states import CheckKind, CheckStatus
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.kit.pages import BadCursor, Page, PageParams, paginate
from backend.settings import get_settings
from backend.tickets import service as tickets
from backend.tickets.errors import TicketUnknown

router = APIRouter(tags=["checkpoints"])

Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]
Admin = Annotated[Principal, allow(Role.ADMIN)]


@router.get(
    "/v1/collections/{address}/tickets/{token_id}/proof",
    summary="The proof of who holds a token, at the newest checkpoint",
    responses=responses(NoCheckpoint, ProofNotReady),
)
def proof_of_token(
    address: Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$")],
    token_id: Annotated[int, Path(ge=0, lt=2**53)],
    _principal: Anyone,
    session: SessionDep,
) -> ProofOut:
    """Return an inclusion proof that anybody can verify without us. Public, like the chain itself."""
    return ProofOut.of(proofs.of(session, get_settings().evm_network, bytes.fromhex(address[2:]), token_id))


@router.get(
    "/v1/tickets/{ticket_id}/proof",
    summary="The proof of who holds a ticket, at the newest checkpoint",
    responses=responses(TicketUnknown, NoCheckpoint, ProofNotReady),
)
def proof_of_ticket(ticket_id: UUID, _principal: Anyone, session: SessionDep) -> ProofOut:
    """Return its token's inclusion proof. Public, as its history is: it says what the chain says, not whose it is."""
    found = tickets.token_of(session, ticket_id)
    if found is None:
        raise NoCheckpoint
    return ProofOut.of(proofs.of(session, *found))


@router.get("/v1/checkpoints", summary="Roots over all tickets at final blocks", responses=responses(BadCursor))
def list_checkpoints(_principal: Anyone, session: SessionDep, page: PageParams) -> Page[CheckpointOut]:
    """Return them, the newest first. Of two at one block the newer corrects the other."""
    query = select(Checkpoint).where(Checkpoint.network == get_settings().evm_network)
    rows, cursor = paginate(session, query, [Checkpoint.block_number, Checkpoint.id], page, descending=True)
    return Page(items=[CheckpointOut.of(row) for row in rows], next_cursor=cursor)


@router.post(
    "/v1/admin/checkpoints",
    status_code=status.HTTP_201_CREATED,
    tags=["admin"],
    summary="Take a checkpoint now",
    responses=responses(Unauthenticated, Forbidden, NothingToTake),
)
def take_checkpoint(admin: Admin, session: SessionDep, now: NowDep) -> CheckpointOut:
    """Take one at the newest final block, without waiting for CHECKPOINT_SECONDS."""
    row = take.take(session, get_settings().evm_network, now)
    if row is None:
        raise NothingToTake
    audit.record(session, admin.account_id, "checkpoint.take", row.id, now)
    return CheckpointOut.of(row)


@router.get(
    "/v1/admin/index-checks",
    tags=["admin"],
    summary="What checks of the index came to",
    responses=responses(Unauthenticated, Forbidden, BadCursor),
)
def list_checks(
    _principal: Admin,
    session: SessionDep,
    page: PageParams,
    state: Annotated[CheckStatus | None, Query(alias="status", description="Only those in this state")] = None,
) -> Page[IndexCheckOut]:
    """Return them, the newest first. A MISMATCH: docs/runbooks/index-mismatch.md."""
    query = select(IndexCheck)
    if state is not None:
        query = query.where(IndexCheck.status == state)
    rows, cursor = paginate(session, query, [IndexCheck.id], page, descending=True)
    return Page(items=[IndexCheckOut.of(row) for row in rows], next_cursor=cursor)


@router.post(
    "/v1/admin/index-checks/{check_id}/repeat",
    status_code=status.HTTP_202_ACCEPTED,
    tags=["admin"],
    summary="Check the index again",
    responses=responses(Unauthenticated, Forbidden, CheckUnknown),
)
def repeat_check(check_id: UUID, admin: Admin, session: SessionDep, now: NowDep) -> IndexCheckOut:
    """Run a check of the same kind at the newest final block. While a mismatch is open it looks at everything."""
    row = session.get(IndexCheck, check_id)
    if row is None:
        raise CheckUnknown
    again = checks.want(session, row.network, CheckKind(row.kind), now)
    audit.record(session, admin.account_id, "index_check.repeat", check_id, now)
    return IndexCheckOut.of(again)
