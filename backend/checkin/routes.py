"""The door over HTTP. For stewards, each at the doors they were given."""

from typing import Annotated

from fastapi import APIRouter, status

from backend.accounts.access import Principal, Role, allow
from backend.chain import registry
from backend.chain.port import ChainUnreachable
from backend.checkin import admit, challenge
from backend.checkin.errors import (
    ChallengeUnknown,
    ClientNonceReused,
    DoorUnknown,
    InEscrow,
    NotOnChain,
)
from backend.checkin.schemas import AdmissionIn, AdmissionOut, ChallengeIn, ChallengeOut
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep, unit_of_work
from backend.kit.errors import Forbidden, Unauthenticated, responses
from backend.tickets.errors import TicketUnknown

router = APIRouter(prefix="/v1/door", tags=["door"])

DoorSteward = Annotated[Principal, allow(Role.STEWARD)]


@router.post(
    "/challenges",
    status_code=status.HTTP_201_CREATED,
    summary="Open a challenge for a ticket",
    responses=responses(Unauthenticated, Forbidden, DoorUnknown, TicketUnknown, NotOnChain, InEscrow),
)
def open_challenge(body: ChallengeIn, principal: DoorSteward, session: SessionDep, now: NowDep) -> ChallengeOut:
    """Return what the holder's wallet has to sign. Good for one answer, for a short time, at one gate."""
    if body.event_id not in principal.steward_events:
        raise DoorUnknown
    ticket = challenge.find_ticket(session, body.event_id, body.ticket_id, body.token_id)
    opened = challenge.open_challenge(session, principal.account_id, body.event_id, ticket, body.gate, now)
    return ChallengeOut.of(opened)


@router.post(
    "/admissions",
    summary="Answer a challenge: let in or refuse",
    responses=responses(Unauthenticated, Forbidden, ChallengeUnknown, ClientNonceReused, ChainUnreachable),
)
def answer_challenge(body: AdmissionIn, principal: DoorSteward, now: NowDep) -> AdmissionOut:
    """Let the holder in once, or say which rule failed. Sent again with the same client_nonce, the answer is the same.

    Refusals: challenge_used, challenge_expired, wrong_event, event_cancelled, doors_not_open, event_over, not_final,
    stale_epoch, bad_signature, former_holder, wrong_holder, ticket_void, already_admitted, ticket_locked.
    """
    steward = admit.Steward(principal.account_id, principal.steward_events, body.client_nonce)
    with unit_of_work() as session:
        earlier = admit.earlier_scan(session, steward, body.challenge_id)
        if earlier is not None:
            return AdmissionOut.of(earlier)
        asked = admit.question(session, steward, body.challenge_id)
    # No transaction is open here: a contract wallet's signature is checked by asking the chain.
    signature = admit.check(asked, bytes.fromhex(body.signature[2:]), registry.port)
    with unit_of_work() as session:
        return AdmissionOut.of(admit.decide(session, steward, body.challenge_id, signature, now))
