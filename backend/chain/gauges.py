"""How the outbox is doing. The alarms on age and gaps belong to whoever reads /metrics."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Numeric, func, select
from sqlalchemy.orm import Session

from backend.chain import gaps, registry, rules
from backend.chain.endpoints import EndpointCondition, Finality
from backend.chain.models import AttemptStatus, ChainAttempt, ChainCursor, ChainSend, ChainSigner
from backend.chain.progress import IndexState, NetworkProgress, lag_blocks, progress
from backend.kit import clock
from backend.kit.gauges import Reading, gauge
from backend.settings import get_settings

_HOUR = timedelta(hours=1)


@gauge("chain_sends", "Sends that are not finished, by state", labels=("network", "status"))
def sends(session: Session) -> Reading:
    """Count open sends."""
    query = (
        select(ChainSend.network, ChainSend.status, func.count())
        .where(ChainSend.status.in_(rules.OPEN_SENDS))
        .group_by(ChainSend.network, ChainSend.status)
    )
    return {(network, status): float(count) for network, status, count in session.execute(query)}


@gauge("chain_send_age_seconds", "Age of the oldest send in each unfinished state", labels=("network", "status"))
def send_age(session: Session) -> Reading:
    """Measure how long the oldest has been in its state."""
    query = (
        select(ChainSend.network, ChainSend.status, func.min(ChainSend.status_since))
        .where(ChainSend.status.in_(rules.OPEN_SENDS))
        .group_by(ChainSend.network, ChainSend.status)
    )
    now = clock.now()
    return {(network, status): (now - since).total_seconds() for network, status, since in session.execute(query)}


@gauge("chain_signer_balance_wei", "What a signer holds", labels=("network", "role", "address"))
def signer_balance(session: Session) -> Reading:
    """Read the balances last seen."""
    rows = session.scalars(select(ChainSigner).where(ChainSigner.seen_balance.is_not(None)))
    return {(row.network, row.role, "0x" + row.address.hex()): float(row.seen_balance or 0) for row in rows}


@gauge(
    "chain_nonce_gaps",
    "Allotted nonces that no attempt of ours will ever fill: everything after one stands still",
    labels=("network", "role", "address"),
)
def nonce_gaps(session: Session) -> Reading:
    """Compare the nonces between the chain's count and ours with the attempts that hold them.

    An attempt that ended before the chain was last asked, and whose nonce the chain does not count, holds nothing: the
    chain was reset, or undone below finality. What a call left because another key makes it, or because it was never
    signed, is no gap as long as nothing comes after it.
    """
    found: Reading = {}
    for row in session.scalars(select(ChainSigner).where(ChainSigner.seen_nonce.is_not(None))):
        is_holding = ChainAttempt.status.not_in([AttemptStatus.REPLACED, AttemptStatus.DROPPED]) & (
            ChainSend.status.in_(rules.OPEN_SENDS) | (ChainSend.status_since > row.seen_at)
        )
        is_left = ChainAttempt.raw.is_(None) | func.coalesce(ChainSend.signer != ChainAttempt.signer, False)
        nonces = (
            select(ChainAttempt.nonce, func.bool_or(is_holding), func.bool_and(is_left))
            .join(ChainSend, ChainSend.id == ChainAttempt.send_id)
            .where(
                ChainAttempt.network == row.network,
                ChainAttempt.signer == row.address,
                ChainAttempt.nonce >= row.seen_nonce,
                ChainAttempt.nonce < row.next_nonce,
            )
            .group_by(ChainAttempt.nonce)
        )
        known = {nonce: (held, left) for nonce, held, left in session.execute(nonces)}
        end = row.next_nonce
        while known.get(end - 1) == (False, True):
            end -= 1
        held = sum(is_held for nonce, (is_held, _) in known.items() if nonce < end)
        found[row.network, row.role, "0x" + row.address.hex()] = float(max(end - (row.seen_nonce or 0), 0) - held)
    return found


@gauge("chain_fills", "Nonces that we filled by a transfer of nothing, by state", labels=("network", "status"))
def fills(session: Session) -> Reading:
    """Count them: more than a few want an explanation."""
    return {key: float(count) for key, count in gaps.filled(session).items()}


@gauge(
    "chain_fee_offered_wei",
    "Highest offer of what waits for a block, wei a unit of gas",
    labels=("network", "role", "address"),
)
def fee_offered(session: Session) -> Reading:
    """Read the live attempts of open sends: near the ceiling, the next step is to wait."""
    query = (
        select(ChainSend.network, ChainSend.signer_role, ChainAttempt.signer, func.max(ChainAttempt.max_fee))
        .join(ChainAttempt, ChainAttempt.send_id == ChainSend.id)
        .where(
            ChainSend.status.in_(rules.OPEN_SENDS),
            ChainAttempt.status.in_([AttemptStatus.ALLOTTED, AttemptStatus.SIGNED, AttemptStatus.BROADCAST]),
        )
        .group_by(ChainSend.network, ChainSend.signer_role, ChainAttempt.signer)
    )
    return {(network, role, "0x" + key.hex()): float(most) for network, role, key, most in session.execute(query)}


@gauge(
    "chain_fee_paid_wei",
    "What blocks of the last hour took from a key at most, in wei",
    labels=("network", "role", "address"),
)
def fee_paid(session: Session) -> Reading:
    """Add up gas used times the offer: what was really taken a unit is the block's to say, and never more."""
    gas_used = ChainAttempt.receipt["gas_used"].as_string().cast(Numeric)
    query = (
        select(ChainSend.network, ChainSend.signer_role, ChainAttempt.signer, func.sum(gas_used * ChainAttempt.max_fee))
        .join(ChainAttempt, ChainAttempt.send_id == ChainSend.id)
        .where(ChainAttempt.block_number.is_not(None), ChainAttempt.broadcast_at > clock.now() - _HOUR)
        .group_by(ChainSend.network, ChainSend.signer_role, ChainAttempt.signer)
    )
    return {(network, role, "0x" + key.hex()): float(total) for network, role, key, total in session.execute(query)}


@gauge("chain_cursor_block", "How far each reader of logs has come", labels=("network", "name", "status"))
def cursors(session: Session) -> Reading:
    """Read the cursors."""
    rows = session.scalars(select(ChainCursor))
    return {(row.network, row.name, row.status): float(row.block_number) for row in rows}


def _of_networks(value: Callable[[NetworkProgress], float | None]) -> Callable[[Session], Reading]:
    def read(session: Session) -> Reading:
        told = progress(session, clock.now(), [get_settings().evm_network])
        return {(one.network,): figure for one in told if (figure := value(one)) is not None}

    return read


def _figure(number: float | None) -> float | None:
    return None if number is None else float(number)


gauge("index_last_block", "The newest block whose logs are applied", ("network",))(
    _of_networks(lambda one: _figure(one.last_block))
)
gauge("index_finalized_block", "Everything up to it is final", ("network",))(
    _of_networks(lambda one: _figure(one.finalized_block))
)
gauge("index_settled_block", "Up to it everybody who waits for final logs has had them", ("network",))(
    _of_networks(lambda one: _figure(one.settled_block))
)
gauge("index_lag_seconds", "Age of the newest block applied; a quiet chain lets it grow", ("network",))(
    _of_networks(lambda one: one.lag_seconds)
)


@gauge("index_lag_blocks", "Blocks the index is behind the newest that our nodes showed", labels=("network",))
def index_lag_blocks(session: Session) -> Reading:
    """Compare the index with what this process last saw; no figure where its nodes showed no block lately."""
    heads = {each.network: each.head for each in registry.conditions()}
    return _of_networks(lambda one: _figure(lag_blocks(one.last_block, heads.get(one.network))))(session)


@gauge("index_state", "1 for the state the index is in: an alarm on any but RUNNING", labels=("network", "state"))
def index_state(session: Session) -> Reading:
    """Say it of each state, so that an alarm needs no absence of a figure."""
    told = progress(session, clock.now(), [get_settings().evm_network])
    return {(one.network, state): float(one.status is state) for one in told for state in IndexState}


def _of_endpoints(value: Callable[[EndpointCondition], float | None]) -> Reading:
    """Read what this process last saw; whoever answers /metrics has asked the endpoints before."""
    told = [(each.network, one) for each in registry.conditions() for one in each.endpoints]
    found = ((network, one.host, value(one)) for network, one in told)
    return {(network, host): figure for network, host, figure in found if figure is not None}


@gauge("chain_endpoint_usable", "1 when the RPC endpoint may be asked: not limited, not benched", ("network", "host"))
def endpoint_usable(_: Session) -> Reading:
    """Say who may be asked."""
    return _of_endpoints(lambda one: float(one.is_usable))


@gauge("chain_endpoint_error_share", "Share of calls without a usable answer, recent ones more", ("network", "host"))
def endpoint_errors(_: Session) -> Reading:
    """Tell errors."""
    return _of_endpoints(lambda one: one.errors)


@gauge("chain_endpoint_latency_seconds", "How long the RPC endpoint takes to answer", ("network", "host"))
def endpoint_latency(_: Session) -> Reading:
    """Tell latency."""
    return _of_endpoints(lambda one: one.latency_seconds)


@gauge("chain_endpoint_lag_blocks", "How far its head is behind the newest block any showed", ("network", "host"))
def endpoint_lag(_: Session) -> Reading:
    """Tell lag; an endpoint that showed no head lately has none."""
    return _of_endpoints(lambda one: None if one.lag_blocks is None else float(one.lag_blocks))


@gauge(
    "chain_endpoint_benched",
    "1 for an RPC endpoint that lied or turned us away, by reason: worth an alarm",
    labels=("network", "host", "reason"),
)
def endpoint_benched(_: Session) -> Reading:
    """Name the liars."""
    told = [(each.network, one) for each in registry.conditions() for one in each.endpoints]
    return {(network, one.host, one.benched_for): 1.0 for network, one in told if one.benched_for is not None}


@gauge(
    "chain_finality",
    "1 for how blocks become final: trusted (one endpoint), agreed (two), unconfirmed (nothing becomes final)",
    labels=("network", "state"),
)
def finality(_: Session) -> Reading:
    """Tell on whose word."""
    known = [each for each in registry.conditions() if each.finality is not None]
    return {(each.network, state): float(each.finality is state) for each in known for state in Finality}
