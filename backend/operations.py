"""What operators ask a running API: is it alive, may it take traffic, what are the figures."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlparse

import redis
from alembic.runtime.migration import MigrationContext
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector
from pydantic import BaseModel, Field

from backend.accounts.access import Role, allow
from backend.chain import registry
from backend.chain.endpoints import Condition, Finality
from backend.chain.progress import IndexState, NetworkProgress, lag_blocks, progress
from backend.kit import clock, db, errors, gauges, logs
from backend.kit.clock import NowDep
from backend.migrations.versions import head
from backend.settings import get_settings

router = APIRouter(tags=["operations"])
_log = logs.get(__name__)
_ANSWER_WITHIN_SECONDS = 2


class NotReady(errors.Unavailable):
    """A part this API needs is not answering; `details.checks` says which."""

    code = "not_ready"


class Nodes(BaseModel):
    """On whose word blocks of a network count as final."""

    network: str = Field(examples=["eip155:56"])
    finality: Finality | None = Field(
        description="trusted: one endpoint is believed; agreed: two say the same; unconfirmed: nothing becomes final "
        "until a second one agrees; null before the first look"
    )
    endpoints: int = Field(description="How many are set up")
    usable: int = Field(description="How many may be asked now")


class Health(BaseModel):
    """The process is alive; how far each network's index has come."""

    status: Literal["ok"] = "ok"
    time: datetime
    networks: list[NetworkProgress] = Field(description="Ours, and each other network the index has followed")
    nodes: list[Nodes] = Field(description="The RPC endpoints as this process last saw them")


class Ready(BaseModel):
    """Every part this API needs answers."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str] = Field(examples=[{"database": "ok", "broker": "ok", "chain": "ok", "index": "ok"}])


@router.get("/health", dependencies=[allow(Role.PUBLIC)], summary="Is the process alive, how far is the index?")
def health(session: db.SessionDep, now: NowDep) -> Health:
    """Answer with the index's last block and lag. Needs the database; for the other parts ask /ready.

    It says ok as long as the process answers: whether the index is dead, stuck or behind is in `networks`.
    """
    conditions = registry.conditions()
    networks = progress(session, now, [get_settings().evm_network])
    heads = {each.network: each.head for each in conditions}
    for one in networks:
        one.lag_blocks = lag_blocks(one.last_block, heads.get(one.network))
    return Health(time=now, networks=networks, nodes=[_nodes(each) for each in conditions])


def _nodes(each: Condition) -> Nodes:
    usable = sum(one.is_usable for one in each.endpoints)
    return Nodes(network=each.network, finality=each.finality, endpoints=len(each.endpoints), usable=usable)


def _check_database() -> str:
    with db.unit_of_work() as session:
        at = MigrationContext.configure(session.connection()).get_current_revision()
    return "ok" if at == head() else f"migrated to {at}, this release needs {head()}: run `alembic upgrade head`"


def _check_broker() -> str:
    client = redis.Redis.from_url(
        get_settings().redis_url,
        socket_timeout=_ANSWER_WITHIN_SECONDS,
        socket_connect_timeout=_ANSWER_WITHIN_SECONDS,
    )
    with client:
        client.ping()
    return "ok"


def _check_chain() -> str:
    network = get_settings().evm_network
    found = f"eip155:{registry.port(network).chain_id()}"
    return "ok" if found == network else f"the node is of {found}, expected {network}"


def _check_index() -> str:
    network = get_settings().evm_network
    with db.unit_of_work() as session:
        found = next((one for one in progress(session, clock.now()) if one.network == network), None)
    if found is None or found.status != IndexState.HALTED:
        return "ok"
    return f"halted at block {found.last_block}: a block that was final was undone, a person must look"


_CHECKS = {"database": _check_database, "broker": _check_broker, "chain": _check_chain, "index": _check_index}


@router.get(
    "/ready",
    dependencies=[allow(Role.PUBLIC)],
    responses=errors.responses(NotReady),
    summary="May this process take traffic?",
)
def ready() -> Ready:
    """Ask the database (and its migrations), the broker, the chain's node and the index; 503 names what fails."""
    found = {}
    for name, check in _CHECKS.items():
        try:
            found[name] = check()
        except Exception as error:  # noqa: BLE001 - any failure of a part is the answer, not a crash
            _log.warning("not_ready", part=name, error=repr(error))
            found[name] = f"no answer ({type(error).__name__})"
    if any(answer != "ok" for answer in found.values()):
        raise NotReady(checks=found)
    return Ready(checks=found)


class _RowGauges(Collector):
    """Reads every registered gauge from the database when Prometheus asks."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield one family a gauge; a gauge that fails is logged and left out."""
        for gauge in gauges.registered.values():
            family = GaugeMetricFamily(f"backstage_{gauge.name}", gauge.meaning, labels=gauge.labels)
            try:
                with db.unit_of_work() as session:
                    reading = gauge.read(session)
            except Exception as error:  # noqa: BLE001 - one broken figure must not hide the others
                _log.warning("gauge_failed", gauge=gauge.name, error=repr(error))
                continue
            for labels, value in reading.items():
                family.add_metric(labels, value)
            yield family


@router.get(
    "/metrics",
    dependencies=[allow(Role.PUBLIC)],
    response_class=Response,
    summary="Figures for Prometheus",
    responses={200: {"content": {"text/plain": {"example": 'backstage_mint_jobs{state="QUEUED"} 0.0'}}}},
)
def metrics() -> Response:
    """Answer in Prometheus' text format: figures of this process, then figures read from the rows.

    Keep it behind the proxy in production: it tells how much is sold. RPC endpoints nobody has asked lately are asked.
    """
    registry.conditions(survey=True)
    rows = CollectorRegistry()
    rows.register(_RowGauges())
    return Response(generate_latest(REGISTRY) + generate_latest(rows), media_type=CONTENT_TYPE_LATEST)


@router.get("/", include_in_schema=False, dependencies=[allow(Role.PUBLIC)])
def welcome() -> dict[str, Any]:
    """Point a person who opened the bare address to the documentation."""
    host = urlparse(get_settings().public_url)
    return {"name": "Backstage", "documentation": f"{host.scheme}://{host.netloc}/docs"}
