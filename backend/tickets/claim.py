"""Claiming an escrowed ticket into a wallet.

The code chooses the wallet, the wallet accepts by its signature, the claim key vouches, the operator pays for the gas.
What is signed follows from the code's row and the recipient alone, so nothing is stored between the two requests.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from backend.accounts.addresses import show_address
from backend.accounts.proofs import verify
from backend.chain import abi, outbox
from backend.chain.port import ChainPort, Signer
from backend.kit import logs
from backend.kit.db import locked
from backend.settings import Settings
from backend.tickets import claim_codes, receivers, service, typed_data
from backend.tickets.errors import ClaimCodeInvalid, ClaimUnderWay, ClaimUnknown, NotEscrowed, ReceiverRefused
from backend.tickets.models import Claim, ClaimCode, Ticket
from backend.tickets.rules import may_follow, step
from backend.tickets.states import ClaimStatus, Custody, TicketStatus

CLAIM = "claim"
SIGNER = "operator"
WAITS_ON = ("ScopePaused",)
_GRACE = timedelta(hours=1)
"""How long after the code's expiry a claim that was made in time may still be mined."""
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a claim is about, ready to be signed."""

    claim_code_id: UUID
    network: str
    collection: bytes
    recipient: bytes
    message: typed_data.ClaimMessage

    @property
    def acceptance(self) -> dict[str, object]:
        """What the recipient signs."""
        return typed_data.claim_acceptance(self.network, self.collection, self.message)


def prepare(session: Session, code: str, recipient: bytes, now: datetime, settings: Settings) -> Prepared:
    """Return what the recipient has to sign. Raises ClaimCodeInvalid, NotEscrowed, ClaimUnderWay."""
    row = claim_codes.find(session, code, now, settings)
    holding = _escrowed(session, row)
    nonce = hmac.new(settings.secret_key.encode(), b"claim-nonce:" + row.id.bytes + recipient, hashlib.sha256).digest()
    return Prepared(
        row.id,
        holding.network,
        holding.collection,
        recipient,
        {
            "tokenId": holding.token_id,
            "recipient": show_address(recipient),
            "epoch": holding.epoch,
            "deadline": int((row.expires_at + _GRACE).timestamp()),
            "nonce": "0x" + nonce.hex(),
        },
    )


def check_receiver(prepared: Prepared, port: ChainPort) -> None:
    """Ask the collection's rule about the recipient. Outside of transactions. Raises ReceiverRefused."""
    if not receivers.may_receive(port, prepared.collection, prepared.recipient):
        raise ReceiverRefused


def prove(prepared: Prepared, signature: bytes, port: ChainPort) -> None:
    """Check the recipient's acceptance. May ask the network. Raises BadSignature."""
    verify.verify_typed_data(prepared.recipient, prepared.acceptance, signature, port)


def vouch(prepared: Prepared, key: Signer) -> bytes:
    """Return the claim key's voucher; the key may live on another machine, so outside of transactions."""
    return key.sign_typed_data(typed_data.claim_voucher(prepared.network, prepared.collection, prepared.message))


def claim(session: Session, prepared: Prepared, signature: bytes, voucher: bytes, now: datetime) -> Claim:
    """Use the code up and send the claim. Raises ClaimCodeInvalid, NotEscrowed, ClaimUnderWay."""
    if not claim_codes.consume(session, prepared.claim_code_id, now):
        raise ClaimCodeInvalid
    row = session.get_one(ClaimCode, prepared.claim_code_id)
    holding = _escrowed(session, row)
    if holding.epoch != prepared.message["epoch"]:
        raise NotEscrowed
    made = Claim(
        organisation_id=row.organisation_id,
        ticket_id=row.ticket_id,
        claim_code_id=row.id,
        recipient=prepared.recipient,
        status=ClaimStatus.PENDING,
        signature=signature,
        voucher=voucher,
        created_at=now,
    )
    session.add(made)
    session.flush()
    message = prepared.message
    call = {
        "tokenId": message["tokenId"],
        "recipient": prepared.recipient,
        "epoch": message["epoch"],
        "deadline": message["deadline"],
        "nonce": bytes.fromhex(message["nonce"][2:]),
    }
    sent = outbox.enqueue(
        session,
        prepared.network,
        SIGNER,
        prepared.collection,
        abi.encode_call("TicketCollection", "claim", [call, voucher, signature]),
        CLAIM,
        made.id,
        now,
        waits_on=WAITS_ON,
    )
    made.send_id = sent.id
    made.status = step(ClaimStatus.PENDING, ClaimStatus.SENT)
    return made


def find(session: Session, claim_id: UUID) -> Claim:
    """Return the claim. Raises ClaimUnknown."""
    found = session.get(Claim, claim_id)
    if found is None:
        raise ClaimUnknown
    return found


def mined(session: Session, claim_id: UUID, tx_hash: str | None) -> None:
    """Note the transaction whose block the claim is in; None when a reorg undid it."""
    found = locked(session, Claim, claim_id)
    if found is not None:
        found.tx_hash = bytes.fromhex(tx_hash.removeprefix("0x")) if tx_hash else None


def final(session: Session, claim_id: UUID) -> None:
    """Mark the claim DONE: the ticket is in its owner's wallet, for good."""
    seen = session.get(Claim, claim_id)
    # The ticket before its claim, as the index has it when it sees the ticket leave escrow.
    ticket = locked(session, Ticket, seen.ticket_id) if seen is not None else None
    found = locked(session, Claim, claim_id)
    if ticket is not None and found is not None and may_follow(ClaimStatus(found.status), ClaimStatus.DONE):
        found.status = step(ClaimStatus(found.status), ClaimStatus.DONE)
        ticket.custody = Custody.WALLET


def left_escrow(session: Session, ticket_id: UUID, recipient: bytes, tx_hash: bytes) -> None:
    """Finish the claim under way, since a final log shows the ticket leaving escrow, whoever sent the transaction."""
    under_way = claim_codes.open_claim(session, ticket_id)
    if under_way is not None and under_way.recipient == recipient:
        under_way.tx_hash = tx_hash
        final(session, under_way.id)


def failed(session: Session, claim_id: UUID, reason: str) -> None:
    """End the claim that the collection refused; its code may be used again."""
    found = locked(session, Claim, claim_id)
    if found is not None and may_follow(ClaimStatus(found.status), ClaimStatus.FAILED):
        found.status = step(ClaimStatus(found.status), ClaimStatus.FAILED)
        found.reason = reason
        claim_codes.give_back(session, found.claim_code_id)
        _log.warning("claim_failed", claim_id=str(claim_id), reason=reason)


def _escrowed(session: Session, code: ClaimCode) -> service.TokenHolding:
    ticket = session.get_one(Ticket, code.ticket_id)
    holding = service.holding_of(session, ticket.id)
    if ticket.status != TicketStatus.LIVE or ticket.custody != Custody.ESCROW or holding is None:
        raise NotEscrowed
    if claim_codes.open_claim(session, ticket.id) is not None:
        raise ClaimUnderWay
    if holding.owner != holding.collection:
        raise NotEscrowed
    return holding
