"""What goes over the wire at the door."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from backend.checkin import typed_data
from backend.checkin.models import DoorChallenge, Result, Scan
from backend.checkin.rules import Reason
from backend.checkin.words import Colour, Sound, signal_for

_EXAMPLE_ID = "0197f3a0-5b7e-7c11-9f43-2f6a5d1c0e07"
_EXAMPLE: dict[str, Any] = {"scan_id": _EXAMPLE_ID, "ticket_id": _EXAMPLE_ID, "gate": "North 2"}
LONGEST_SIGNATURE = 2 * 16_384 + 2
_LARGEST_TOKEN = 2**53 - 1

Gate = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[\w .#-]+$", examples=["North 2"])]


class ChallengeIn(BaseModel):
    """Which ticket stands at which gate: named by its id, or by its token id in the event's collection."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"event_id": _EXAMPLE_ID, "ticket_id": _EXAMPLE_ID, "gate": "North 2"},
                {"event_id": _EXAMPLE_ID, "token_id": 65536, "gate": "North 2"},
            ]
        },
    )

    event_id: UUID
    ticket_id: UUID | None = None
    token_id: Annotated[int, Field(ge=0, le=_LARGEST_TOKEN)] | None = None
    gate: Gate

    @model_validator(mode="after")
    def _one_name(self) -> "ChallengeIn":
        if (self.ticket_id is None) == (self.token_id is None):
            raise ValueError("give either ticket_id or token_id")
        return self


class ChallengeOut(BaseModel):
    """A question for the holder's wallet: show it as a code, have it signed, send the signature back."""

    challenge_id: UUID
    ticket_id: UUID
    gate: str
    typed_data: dict[str, Any] = Field(description="For eth_signTypedData_v4 (EIP-712), as it is")
    expires_at: datetime

    @classmethod
    def of(cls, challenge: DoorChallenge) -> "ChallengeOut":
        """Describe a challenge."""
        return cls(
            challenge_id=challenge.id,
            ticket_id=challenge.ticket_id,
            gate=challenge.gate,
            typed_data=typed_data.admission(challenge),
            expires_at=challenge.expires_at,
        )


class AdmissionIn(BaseModel):
    """The wallet's answer."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"challenge_id": _EXAMPLE_ID, "signature": "0x" + "ab" * 65, "client_nonce": "scanner-7-000184"}
            ]
        },
    )

    challenge_id: UUID
    signature: Annotated[
        str,
        Field(
            pattern=r"^0x([0-9a-fA-F]{2})+$", max_length=LONGEST_SIGNATURE, description="Plain, ERC-1271 or ERC-6492"
        ),
    ]
    client_nonce: Annotated[
        str,
        Field(
            pattern=r"^[\x21-\x7e]{8,100}$",
            description="New for each scan, the same when a scan is sent again after a lost connection",
        ),
    ]


class AdmissionOut(BaseModel):
    """The answer at the door. A refusal is an answer, not an error: it is on record like an admission."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _EXAMPLE | {
                    "result": "ADMITTED", "reason": None, "message": "Welcome. Let them in.", "colour": "green",
                    "sound": "admit", "scanned_at": "2026-06-01T18:04:11Z", "admitted_at": "2026-06-01T18:04:11Z",
                },
                _EXAMPLE | {
                    "result": "REFUSED", "reason": "already_admitted", "colour": "red", "sound": "refuse",
                    "message": "Somebody is inside on this ticket already.",
                    "scanned_at": "2026-06-01T18:05:40Z", "admitted_at": None,
                },
            ]
        }
    )  # fmt: skip

    scan_id: UUID
    ticket_id: UUID | None
    gate: str
    result: Result
    reason: Reason | None = Field(description="Which rule failed; null when admitted")
    message: str = Field(description="For the person at the door")
    colour: Colour
    sound: Sound
    scanned_at: datetime
    admitted_at: datetime | None

    @classmethod
    def of(cls, scan: Scan) -> "AdmissionOut":
        """Describe a scan."""
        reason = Reason(scan.reason) if scan.reason is not None else None
        signal = signal_for(reason)
        return cls(
            scan_id=scan.id,
            ticket_id=scan.ticket_id,
            gate=scan.gate,
            result=Result(scan.result),
            reason=reason,
            message=signal.message,
            colour=signal.colour,
            sound=signal.sound,
            scanned_at=scan.scanned_at,
            admitted_at=scan.scanned_at if reason is None else None,
        )
