"""A send under our lease: its attempts, and which key has to sign it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select

from backend.chain import registry, rules
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend
from backend.chain.port import Signer, SignerMissing
from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work
from backend.kit.errors import Retryable

_log = logs.get(__name__)

LEASE_SECONDS = 20.0
"""Short: after a crash the send stands still for so long. A lease that runs out costs nothing but a second look."""

_LONGEST_OUTAGE_PAUSE = timedelta(seconds=30)


@dataclass(frozen=True)
class Claimed:
    """A send under our lease, with the attempts it had when we claimed it."""

    send: ChainSend
    lease_id: UUID
    attempts: Sequence[ChainAttempt]

    @property
    def live(self) -> ChainAttempt | None:
        """The attempt that holds the nonce now, if there is one."""
        holding = [attempt for attempt in self.attempts if rules.holds_nonce(attempt.status)]
        return holding[-1] if holding else None

    def is_for(self, attempt: ChainAttempt) -> bool:
        """Say whether the key of `attempt` is the one that has to make this call, as far as we know."""
        return self.send.signer is None or self.send.signer == attempt.signer

    def key(self, attempt: ChainAttempt | None = None) -> Signer:
        """Return the key that has to sign: the one that is named, else that of `attempt`, else the role's first.

        Raises SignerMissing, and what opening a key raises.
        """
        keys = registry.keyring(self.send.network, self.send.signer_role)
        if self.send.signer is not None:
            return keys.find(self.send.signer)
        if attempt is not None:
            try:
                return keys.find(attempt.signer)
            except SignerMissing:
                _log.warning("chain_key_gone", send_id=str(self.send.id), signer="0x" + attempt.signer.hex())
        return keys.first()

    def is_given_up(self, attempt: ChainAttempt) -> bool:
        """Say whether its nonce was given up with other bytes, because its key may not make this call any more."""
        return not self.is_for(attempt) and any(
            (one.signer, one.nonce, one.status) == (attempt.signer, attempt.nonce, AttemptStatus.DROPPED)
            for one in self.attempts
        )

    def signed_before(self, attempt: ChainAttempt) -> ChainAttempt | None:
        """Return the newest bytes that exist under the nonce of `attempt`, which has none."""
        signed = self._signed(attempt)
        return signed[-1] if signed else None

    def dearer(self, attempt: ChainAttempt) -> ChainAttempt | None:
        """Return bytes under the nonce of `attempt` that offer more than it, if there are any: the dearest."""
        dearest = max(self._signed(attempt), key=lambda one: one.max_fee, default=attempt)
        return dearest if dearest.max_fee > attempt.max_fee else None

    def _signed(self, attempt: ChainAttempt) -> list[ChainAttempt]:
        same = (attempt.signer, attempt.nonce)
        return [one for one in self.attempts if (one.signer, one.nonce) == same and one.raw is not None]


def claim(send_id: UUID, *where: ColumnElement[bool]) -> Claimed | None:
    """Lease a send; None when it is taken, not due, or in none of the states of `where`."""
    with unit_of_work() as session:
        send = jobs.claim(session, ChainSend, send_id, clock.now(), LEASE_SECONDS, *where)
        if send is None or send.lease_id is None:
            return None
        query = select(ChainAttempt).where(ChainAttempt.send_id == send_id).order_by(ChainAttempt.id)
        return Claimed(send, send.lease_id, list(session.scalars(query)))


def give_back(claimed: Claimed, error: Exception) -> None:
    """End the lease after a failure; the send is tried again after a growing pause, soon if the trouble is passing."""
    with unit_of_work() as session:
        row = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
        now = clock.now()
        jobs.retry_later(row, now, error)
        if isinstance(error, Retryable) and row.run_after is not None:
            row.run_after = min(row.run_after, now + _LONGEST_OUTAGE_PAUSE)
