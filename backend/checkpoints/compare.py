"""The routine check: what the projections say of a final block, put to the contracts at that very block."""

from uuid import UUID

from backend.chain import asking, registry
from backend.chain.port import CallReverted, ChainError
from backend.chain.proving import Expectation, Moment, registered
from backend.checkpoints import checks, state, take
from backend.checkpoints.models import Checkpoint, IndexCheck
from backend.checkpoints.states import CheckKind, CheckStatus
from backend.kit import clock, jobs
from backend.kit.db import unit_of_work
from backend.kit.errors import Retryable, Unavailable

SAMPLE = 400
"""Tickets of a network that one routine check looks at; everything else it looks at whole."""
_LEASE_SECONDS = 300


class BlockNotAnswered(Unavailable, Retryable):
    """The node does not answer for this block: it has forgotten its state, or lags."""

    code = "block_not_answered"


class NotWhole(Unavailable, Retryable):
    """The index has not got all final blocks at the moment: a rebuild is under way, or it is halted."""

    code = "index_not_whole"


def run(check_id: UUID) -> None:
    """Run one check of the kind CONTRACTS, if it is due."""
    with unit_of_work() as session:
        row = jobs.claim(
            session, IndexCheck, check_id, clock.now(), _LEASE_SECONDS, IndexCheck.status == CheckStatus.DUE
        )
        if row is None:
            return
        lease, network, checkpoint_id = row.lease_id, row.network, row.checkpoint_id
    with jobs.given_back(IndexCheck, check_id, lease):
        moment, expected = _expectations(network, checkpoint_id)
        outcome = asking.compare(expected, _at(moment))
        with unit_of_work() as session:
            row = jobs.held(session, IndexCheck, check_id, lease)
            checks.settle(session, row, clock.now(), outcome.compared, outcome.findings, was_full=moment.sample is None)


def _expectations(network: str, checkpoint_id: UUID | None) -> tuple[Moment, list[Expectation]]:
    with unit_of_work() as session:
        checkpoint = None if checkpoint_id is None else session.get(Checkpoint, checkpoint_id)
        if checkpoint is not None:
            at = checkpoint.block_number, checkpoint.block_hash
        else:
            newest = take.finalized(session, network)
            if newest is None:
                raise NotWhole
            at = newest
        sample = None if checks.has_mismatch(session, network, CheckKind.CONTRACTS) else SAMPLE
        moment = Moment(network, at[0], at[1], sample)
        found = [one for provide in registered.expects.values() for one in provide(session, moment)]
        # Looked at last: a rebuild that began before would have left rows out.
        if not state.is_whole(session, network, moment.number):
            raise NotWhole
    return moment, found


def _at(moment: Moment) -> asking.Ask:
    port = registry.port(moment.network)

    def ask(to: bytes | None, data: bytes) -> bytes:
        try:
            return port.call(to, data, moment.hash)
        except CallReverted as reverted:
            if to is None:
                raise BlockNotAnswered(reason=str(reverted)) from reverted
            raise asking.Reverted from reverted
        except ChainError as error:
            raise BlockNotAnswered(reason=str(error)) from error

    return ask
