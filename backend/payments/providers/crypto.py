"""Paying on chain: a quote the platform signed, paid and turned into tickets by one call of the collection.

There is nobody to ask: whether a quote was paid is what the index knows, and only the index says so
(`service.paid_on_chain`). What is answered here is the other half: that it can no longer be paid.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from backend.chain import registry
from backend.chain.models import ChainBlock, ChainCursor, ChainLog
from backend.chain.port import ChainUnreachable, WrongChain
from backend.chain.progress import FACTS_CURSOR, FINAL_CURSORS
from backend.kit.db import unit_of_work
from backend.kit.money import Money
from backend.payments.models import Payment
from backend.payments.port import (
    BadSignature,
    BeginRequest,
    Begun,
    Incoming,
    ProviderDispute,
    ProviderPayment,
    ProviderRefused,
    ProviderUnavailable,
    RefundResult,
    Seen,
    UnknownAtProvider,
)
from backend.settings import Settings

_NO_REFUND = "paid_on_chain"


def quote_id(payment_id: UUID) -> bytes:
    """Return the one-time id a payment has on chain: the UUID right-aligned in 32 bytes."""
    return payment_id.int.to_bytes(32, "big")


def payment_of(quote: bytes) -> UUID | None:
    """Return the payment a quote's id names; None when it is no id of ours."""
    return UUID(bytes=quote[16:]) if not any(quote[:16]) else None


@dataclass(slots=True)
class CryptoProvider:
    """The collections of one network as a way to pay."""

    network: str
    public_url: str
    livemode: bool
    name: str = "crypto"

    @classmethod
    def from_settings(cls, settings: Settings) -> "CryptoProvider":
        """Take the network and our own address from the settings."""
        return cls(settings.evm_network, settings.public_url, settings.is_production)

    def begin(self, request: BeginRequest) -> Begun:
        """Name the place where the quote is given out; it is good until the hold ends, to the second."""
        ends_at = datetime.fromtimestamp(int(request.expires_at.timestamp()), UTC)
        url = f"{self.public_url}/v1/orders/{request.reference_id}/quote"
        return Begun(str(request.payment_id), url, ends_at)

    def fetch(self, reference: str) -> ProviderPayment:
        """Say OPEN, or EXPIRED once the quote's deadline lies in final blocks and none of them shows it paid.

        Never PAID: that is the index's to say, in the transaction that reads the log.
        """
        with unit_of_work() as session:
            payment = session.get(Payment, UUID(reference))
            if payment is None:
                raise UnknownAtProvider
            final = self._final_block(session)
            seen = self._is_seen(session, payment.id)
        is_over = not seen and final is not None and self._time_of(final) > payment.expires_at
        status = Seen.EXPIRED if is_over else Seen.OPEN
        return ProviderPayment(reference, status, payment.amount, payment.id, payment.reference_id, self.livemode)

    def expire(self, reference: str) -> bool:
        """Say whether the quote can no longer be paid. A signature cannot be taken back: only time ends it."""
        return self.fetch(reference).status is Seen.EXPIRED

    def refund(self, reference: str, amount: Money, key: UUID) -> RefundResult:  # noqa: ARG002 - the port has them
        """Refuse: the money is in the promoter's collection, and a wallet sends it back."""
        raise ProviderRefused(reason=_NO_REFUND)

    def fetch_refund(self, reference: str) -> RefundResult:  # noqa: ARG002 - as above
        """Refuse: there are none."""
        raise ProviderRefused(reason=_NO_REFUND)

    def fetch_dispute(self, reference: str) -> ProviderDispute:  # noqa: ARG002 - as above
        """Refuse: nobody can dispute what a wallet has signed."""
        raise UnknownAtProvider

    def read_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Incoming:  # noqa: ARG002 - as above
        """Refuse: a chain sends no messages, so this one is nobody's."""
        raise BadSignature

    def missed(self, since: datetime) -> list[Incoming]:  # noqa: ARG002 - as above
        """Return nothing: the index reads every block."""
        return []

    def _final_block(self, session: Session) -> int | None:
        """Return up to which block the index has read what is final."""
        query = select(ChainCursor.finalized_number, ChainCursor.block_number)
        row = session.execute(
            query.where(ChainCursor.network == self.network, ChainCursor.name == FACTS_CURSOR)
        ).one_or_none()
        # During a rebuild the facts are behind the checkpoint.
        return None if row is None else min(row.finalized_number, row.block_number)

    def _is_seen(self, session: Session, payment_id: UUID) -> bool:
        """Tell whether a log names the quote that a handler has yet to say the meaning of.

        Any contract's log: which contract is ours to believe is not decided here. One that all handlers have been told
        of, finally, means nothing more: had it been a purchase of ours, the payment would not be open. So a stranger's
        contract that repeats the quote's id keeps no seats.
        """
        canonical = exists().where(
            ChainBlock.network == ChainLog.network, ChainBlock.hash == ChainLog.block_hash, ChainBlock.canonical
        )
        named = ChainLog.topics[2] == quote_id(payment_id)  # Postgres counts from 1: the first indexed value
        told = (
            select(func.coalesce(func.min(ChainCursor.block_number), -1))
            .where(ChainCursor.network == self.network, ChainCursor.name.startswith(FINAL_CURSORS))
            .scalar_subquery()
        )
        where = (ChainLog.network == self.network, named, canonical, ChainLog.block_number > told)
        return bool(session.scalar(select(exists().where(*where))))

    def _time_of(self, block_number: int) -> datetime:
        try:
            block = registry.port(self.network).block(block_number)
        except (ChainUnreachable, WrongChain) as error:
            raise ProviderUnavailable from error
        if block is None:
            raise ProviderUnavailable
        return block.timestamp
