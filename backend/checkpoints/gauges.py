"""The index's proofs in figures."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.checkpoints.models import Checkpoint, IndexCheck
from backend.checkpoints.states import CheckKind, CheckStatus
from backend.kit import clock
from backend.kit.gauges import Reading, gauge


@gauge("index_mismatches", "Open mismatches of the index: each wants a person", labels=("network", "kind"))
def mismatches(session: Session) -> Reading:
    """Count them: anything but 0 is an alarm. A kind that was never checked has no figure."""
    count = func.count().filter(IndexCheck.status == CheckStatus.MISMATCH)
    query = select(IndexCheck.network, IndexCheck.kind, count).group_by(IndexCheck.network, IndexCheck.kind)
    return {(network, kind): float(found) for network, kind, found in session.execute(query)}


@gauge("index_agreed_seconds", "Since the index last agreed with what it was compared with", ("network", "kind"))
def agreed(session: Session) -> Reading:
    """Age the last agreement of each kind; more than two days is an alarm."""
    query = select(IndexCheck.network, IndexCheck.kind, func.max(IndexCheck.status_since)).where(
        IndexCheck.status == CheckStatus.AGREED, IndexCheck.kind.in_(list(CheckKind))
    )
    now = clock.now()
    rows = session.execute(query.group_by(IndexCheck.network, IndexCheck.kind))
    return {(network, kind): (now - at).total_seconds() for network, kind, at in rows}


@gauge("checkpoint_block", "The block of the newest checkpoint", labels=("network",))
def newest(session: Session) -> Reading:
    """Tell how far roots reach."""
    query = select(Checkpoint.network, func.max(Checkpoint.block_number)).group_by(Checkpoint.network)
    return {(network,): float(block) for network, block in session.execute(query)}
