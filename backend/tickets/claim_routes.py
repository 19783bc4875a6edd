"""Claims over HTTP. Nobody signs in for it: the code and the recipient's signature are the permission."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, status

from backend.accounts.access import Principal, Role, allow
from backend.accounts.addresses import parse_address
from backend.accounts.errors import BadSignature
from backend.chain import registry
from backend.chain.port import ChainUnreachable
from backend.kit import clock
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import responses
from backend.settings import get_settings
from backend.tickets import claim, claim_codes
from backend.tickets.errors import (
    ClaimCodeInvalid,
    ClaimUnderWay,
    ClaimUnknown,
    NotEscrowed,
    ReceiverRefused,
    TooManyAttempts,
)
from backend.tickets.schemas import ClaimIn, ClaimOut, ClaimPrepareIn, ClaimPrepareOut

router = APIRouter(prefix="/v1/claims", tags=["claims"])

Anyone = Annotated[Principal | None, allow(Role.PUBLIC)]
_CLAIM_KEY = "claim"


def _prepare(request: Request, body: ClaimPrepareIn) -> claim.Prepared:
    """Look the code up. A wrong one is counted in a transaction of its own, so that the refusal does not undo it."""
    settings, now = get_settings(), clock.now()
    client = claim_codes.client_of(request.client.host if request.client else None, settings)
    try:
        with unit_of_work() as session:
            claim_codes.check_rate(session, client, now)
            return claim.prepare(session, body.code, parse_address(body.recipient), now, settings)
    except ClaimCodeInvalid:
        with unit_of_work() as session:
            claim_codes.count_wrong(session, client, now)
        raise


@router.post(
    "/prepare",
    summary="What the recipient signs",
    responses=responses(
        ClaimCodeInvalid, TooManyAttempts, NotEscrowed, ClaimUnderWay, ReceiverRefused, ChainUnreachable
    ),
)
def prepare_claim(body: ClaimPrepareIn, request: Request, _principal: Anyone) -> ClaimPrepareOut:
    """Return the typed data that accepts the ticket. Uses nothing up."""
    prepared = _prepare(request, body)
    claim.check_receiver(prepared, registry.port(prepared.network))
    return ClaimPrepareOut(typed_data=prepared.acceptance)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Claim an escrowed ticket into a wallet",
    responses=responses(
        ClaimCodeInvalid,
        TooManyAttempts,
        BadSignature,
        NotEscrowed,
        ClaimUnderWay,
        ReceiverRefused,
        ChainUnreachable,
    ),
)
def make_claim(body: ClaimIn, request: Request, _principal: Anyone) -> ClaimOut:
    """Use the code up and send the claim; it is DONE when the move is final. A claim that fails gives the code back."""
    prepared = _prepare(request, body)
    signature = bytes.fromhex(body.signature[2:])
    # No transaction is open here: the chain is asked, and the claim key may live on another machine.
    port = registry.port(prepared.network)
    claim.prove(prepared, signature, port)
    claim.check_receiver(prepared, port)
    voucher = claim.vouch(prepared, registry.signer(prepared.network, _CLAIM_KEY))
    with unit_of_work() as session:
        return ClaimOut.of(claim.claim(session, prepared, signature, voucher, clock.now()))


@router.get("/{claim_id}", summary="How far a claim is", responses=responses(ClaimUnknown))
def get_claim(claim_id: UUID, _principal: Anyone, session: SessionDep) -> ClaimOut:
    """Return the claim. Its id is known to who made it; it tells no more than the chain does."""
    return ClaimOut.of(claim.find(session, claim_id))
