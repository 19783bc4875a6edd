"""The door in figures."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backend.checkin.models import Result, Scan
from backend.kit.gauges import Reading, gauge


@gauge("door_scans", "Scans by result and reason", labels=("result", "reason"))
def scans(session: Session) -> Reading:
    """Count scans; an admission has an empty reason."""
    query = select(Scan.result, func.coalesce(Scan.reason, ""), func.count()).group_by(Scan.result, Scan.reason)
    figures: Reading = {(Result.ADMITTED.value, ""): 0.0}
    figures.update({(result, reason): float(count) for result, reason, count in session.execute(query)})
    return figures
