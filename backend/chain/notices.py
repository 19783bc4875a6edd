"""What the outbox tells those who asked for a send. `purpose` and `subject_id` are the asker's own words."""

from dataclasses import dataclass
from uuid import UUID

from backend.kit.notices import Notice


@dataclass(frozen=True)
class SendMined(Notice):
    """The call succeeded in a block that may still be undone. `tx_hash` is 0x-prefixed hex."""

    send_id: UUID
    purpose: str
    subject_id: UUID
    tx_hash: str


@dataclass(frozen=True)
class SendUnmined(Notice):
    """A reorg undid the block of an earlier SendMined; the same bytes are on their way again."""

    send_id: UUID
    purpose: str
    subject_id: UUID
    tx_hash: str


@dataclass(frozen=True)
class SendFinal(Notice):
    """The call succeeded for good."""

    send_id: UUID
    purpose: str
    subject_id: UUID
    tx_hash: str


@dataclass(frozen=True)
class SendReverted(Notice):
    """The contract refused, for good: in simulation before a nonce was spent, or in a final block.

    `reason` is the custom error's name with its values, such as `BatchOutOfOrder(expected=3, given=2)`.
    """

    send_id: UUID
    purpose: str
    subject_id: UUID
    reason: str


@dataclass(frozen=True)
class SendUnknown(Notice):
    """The nonce was used by bytes we do not know. The subject's owner asks the chain whether its effect is there.

    It answers with `outbox.settle_unknown`.
    """

    send_id: UUID
    purpose: str
    subject_id: UUID
