"""Looking after the endpoints nobody asks, so that a tired one is known before it is needed."""

from concurrent.futures import ThreadPoolExecutor

from backend.chain.endpoints import Condition, EndpointCondition, Finality
from backend.chain.evm.pool import Endpoint, Pool, number_of
from backend.chain.evm.wire import Trouble
from backend.chain.port import ChainError
from backend.kit import logs

_log = logs.get(__name__)
SURVEY_SECONDS = 10.0


def survey(pool: Pool) -> None:
    """Ask each usable endpoint for its newest block, at once, unless it showed one within ten seconds."""
    now = pool.now()
    asked = [
        endpoint
        for endpoint in pool.usable()
        if endpoint.health.head_at is None or now - endpoint.health.head_at > SURVEY_SECONDS
    ]
    if not asked:
        return

    def ask(endpoint: Endpoint) -> None:
        try:
            number = pool.ask_one(endpoint, number_of, "eth_blockNumber")
        except (Trouble, ChainError) as trouble:
            _log.info("chain_endpoint_not_seen", host=endpoint.host, problem=str(trouble))
            return
        endpoint.health.saw_head(number, pool.now())

    with ThreadPoolExecutor(len(asked)) as together:
        list(together.map(ask, asked))


def told(network: str, pool: Pool, finality: Finality | None) -> Condition:
    """Return what this process has seen. Asks nobody."""
    now, newest = pool.now(), pool.newest()
    return Condition(
        network,
        finality,
        tuple(
            EndpointCondition(
                host=endpoint.host,
                is_usable=endpoint.health.is_usable(now),
                benched_for=endpoint.health.reason(now),
                errors=endpoint.health.errors_now(now),
                latency_seconds=endpoint.health.latency,
                lag_blocks=None if endpoint.health.fresh_head(now) is None else endpoint.health.lag(newest, now),
            )
            for endpoint in pool.endpoints
        ),
        newest,
    )
