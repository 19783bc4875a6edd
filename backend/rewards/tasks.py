"""Rewards' jobs: sending what is ripe, asking the chain about sends of unclear fate."""

from uuid import UUID

from backend.chain import outbox, registry
from backend.chain.models import ChainSend, SendStatus
from backend.chain.outbox import FateUnclear
from backend.chain.port import ChainUnreachable
from backend.kit import clock, jobs, logs
from backend.kit.db import unit_of_work
from backend.rewards import effect, service
from backend.rewards.models import Reward

_log = logs.get(__name__)


@jobs.task("rewards.ask")
def ask(send_id: UUID) -> None:
    """Ask whether a reward of unclear fate was given, and answer the outbox. Harmless when repeated."""
    with unit_of_work() as session:
        send = session.get_one(ChainSend, send_id)
        reward = session.get_one(Reward, send.subject_id)
        if send.status != SendStatus.UNKNOWN:
            return
    try:
        given = effect.happened(registry.port(send.network), send.to_address, reward)
        if given is None:
            return
        with unit_of_work() as session:
            outbox.settle_unknown(session, send_id, given, clock.now())
            if given:
                service.done(session, reward.id, clock.now())
    except (FateUnclear, ChainUnreachable) as not_yet:
        _log.info("reward_not_known_yet", send_id=str(send_id), reason=not_yet.code)


@jobs.every(seconds=30)
@jobs.task("rewards.sweep")
def sweep() -> None:
    """Ask about sends of unclear fate whose nudge was lost, or that could not be told yet."""
    with unit_of_work() as session:
        waiting = effect.unclear(session)
    jobs.swept(waiting, ask)


@jobs.task("rewards.release")
def release(reward_id: UUID) -> None:
    """Send a reward whose event is over. Harmless when repeated."""
    with unit_of_work() as session:
        service.release(session, reward_id, clock.now())


@jobs.every(seconds=30)
@jobs.task("rewards.release_ripe")
def release_ripe() -> None:
    """Send the rewards of events that are over."""
    with unit_of_work() as session:
        waiting = service.ripe(session, clock.now())
    jobs.swept(waiting, release)
