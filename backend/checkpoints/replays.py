"""The nightly check: every projection once more from the facts, beside those that stand."""

from uuid import UUID

from backend.chain import replay
from backend.chain.proving import Moment
from backend.chain.proving import audited as audits
from backend.checkpoints import checks, state, take
from backend.checkpoints.models import IndexCheck
from backend.checkpoints.states import CheckStatus
from backend.kit import clock, db, jobs

_LEASE_SECONDS = 3_600


def run(check_id: UUID) -> None:
    """Run one check of the kind REPLAY, if it is due. Facts that cannot be are a mismatch like any other."""
    with db.unit_of_work() as session:
        row = jobs.claim(
            session, IndexCheck, check_id, clock.now(), _LEASE_SECONDS, IndexCheck.status == CheckStatus.DUE
        )
        if row is None:
            return
        lease, network = row.lease_id, row.network
    with jobs.given_back(IndexCheck, check_id, lease):
        compared, findings = found(network)
        with db.unit_of_work() as session:
            row = jobs.held(session, IndexCheck, check_id, lease)
            checks.settle(session, row, clock.now(), compared, findings, was_full=True)


def found(network: str) -> tuple[int, list[str]]:
    """Replay, and run the audits; return how many projections were compared, and what differs in words."""
    with db.snapshot(db.engine()) as session:
        newest = take.finalized(session, network)
        audited: list[str] = []
        if newest is not None and state.is_whole(session, network, newest[0]):
            for _, wrong, _ in audits(session, Moment(network, *newest)):
                audited += wrong
        # Last: from here on the session sees the replay's tables instead of those that stand.
        compared, odd = replay.findings(session, network)
    return compared, odd + audited
