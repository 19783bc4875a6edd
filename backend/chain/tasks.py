"""What the worker does for the outbox. Each task opens its own transactions; none holds one across the network."""

from uuid import UUID

from sqlalchemy import and_, exists, or_

from backend.chain import gaps, outbox, registry, rules, signers
from backend.chain import send as sending
from backend.chain import watch as watching
from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend
from backend.kit import clock, jobs, nudges
from backend.kit.db import unit_of_work

_ON_ITS_WAY = exists().where(
    ChainAttempt.send_id == ChainSend.id,
    or_(
        ChainAttempt.status.in_([AttemptStatus.BROADCAST, AttemptStatus.MINED]),
        # Signed by a key that may not make this call any more: it is not handed over, but it is to be given up.
        and_(ChainAttempt.status == AttemptStatus.SIGNED, ChainAttempt.signer != ChainSend.signer),
    ),
)


@jobs.task("chain.send")
def send(send_id: UUID) -> None:
    """Take one send as far as the network."""
    sending.send(send_id)


@jobs.task("chain.watch")
def watch(send_id: UUID) -> None:
    """Look once at how one send is doing on the chain."""
    watching.watch(send_id)


@jobs.every(seconds=1)
@jobs.task("chain.sweep")
def sweep() -> None:
    """Nudge every send whose turn it is: those just begun, waiting, or on their way."""
    with unit_of_work() as session:
        now = clock.now()
        outbox.mark_overdue(session, now)
        on_the_way = jobs.due(session, ChainSend, now, ChainSend.status.in_(rules.OPEN_SENDS), _ON_ITS_WAY)
        to_send = jobs.due(session, ChainSend, now, ChainSend.status.in_(rules.SENDABLE), ~_ON_ITS_WAY)
    for send_id in to_send:
        nudges.send("chain.send", send_id)
    for send_id in on_the_way:
        nudges.send("chain.watch", send_id)


@jobs.every(seconds=30)
@jobs.task("chain.check_signers")
def check_signers() -> None:
    """Close the gaps of keys that stand still, then see what the chain says of each: balance and mined nonces."""
    gaps.close(registry.port)
    signers.look(registry.port)
