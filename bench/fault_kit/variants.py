"""The product with one mistake in it. Each is a mistake other systems have made; the campaign must find every one.

A variant replaces functions inside the running processes only; the product's own code knows nothing of it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.fault_kit import steps


@dataclass(frozen=True)
class Variant:
    """One mistake."""

    name: str
    what: str
    """The mistake, in words."""
    around: Mapping[str, Callable[..., Any]]
    """The functions that make it: by point, called with the real function first."""
    check: str
    """The check that must fail because of it..."""
    finding: str
    """... with such a finding (a regular expression), which no slowness and no other mistake leaves."""
    steps: tuple[str, ...]
    """Where it shows: the `what` of steps..."""
    troubles: tuple[str, ...]
    """... and kinds of trouble with the node."""

    def evidence(self, findings: Mapping[str, Sequence[str]]) -> list[str]:
        """Return those of a run's findings that belong to this mistake."""
        return [finding for finding in findings.get(self.check, ()) if re.search(self.finding, finding)]


def _recycle_nonce(real: Callable[..., None], port: Any, claimed: Any, attempt: Any) -> None:
    """On a timeout believe that the bytes never arrived: forget them and give their nonce to whoever comes next."""
    from backend.chain.models import AttemptStatus, ChainAttempt, ChainSend, ChainSigner, SendStatus  # noqa: PLC0415 - as below
    from backend.chain.port import ChainUnreachable  # noqa: PLC0415 - the campaign itself imports nothing of this
    from backend.kit import jobs  # noqa: PLC0415
    from backend.kit.db import unit_of_work  # noqa: PLC0415

    try:
        real(port, claimed, attempt)
    except ChainUnreachable:
        with unit_of_work() as session:
            send = jobs.held(session, ChainSend, claimed.send.id, claimed.lease_id)
            row = session.get_one(ChainAttempt, attempt.id)
            row.status, row.raw, row.tx_hash = AttemptStatus.REPLACED, None, None
            key = session.query(ChainSigner).filter_by(network=row.network, address=row.signer).with_for_update().one()
            key.next_nonce = min(key.next_nonce, row.nonce)
            send.status = SendStatus.QUEUED
            jobs.release(send)


def _keep_bytes_in_memory(_real: Callable[..., Any], _claimed: Any, attempt: Any, raw: bytes, tx_hash: bytes) -> Any:
    """Store bytes and hash only once the network has them: see `_store_late`."""
    attempt.raw, attempt.tx_hash, attempt.status = raw, tx_hash, "SIGNED"
    return attempt


def _store_late(real: Callable[..., None], claimed: Any, attempt: Any) -> None:
    from backend.chain.models import ChainAttempt  # noqa: PLC0415
    from backend.kit.db import unit_of_work  # noqa: PLC0415

    with unit_of_work() as session:
        row = session.get_one(ChainAttempt, attempt.id)
        if row.status == "ALLOTTED":
            row.status, row.raw, row.tx_hash = "SIGNED", attempt.raw, attempt.tx_hash
            row.max_fee, row.priority_fee = attempt.max_fee, attempt.priority_fee
    real(claimed, attempt)


def _sign_at_todays_fee(
    real: Callable[..., tuple[bytes, bytes]], claimed: Any, attempt: Any, signer: Any
) -> tuple[bytes, bytes]:
    """Sign anew at each try, at what the fee then is: without stored bytes there is nothing else to send."""
    more = random.randrange(1, 1_000_000)  # noqa: S311 - what a market does, not a secret
    attempt.max_fee, attempt.priority_fee = attempt.max_fee + more, attempt.priority_fee + more
    return real(claimed, attempt, signer)


def _form_anew(_real: Callable[..., None], session: Any, batch: Any, reason: str) -> None:
    """On UNKNOWN do not ask the chain: put the batch's jobs back into the queue, for a batch of another number."""
    from backend.kit.nudges import nudge  # noqa: PLC0415
    from backend.tickets import locks  # noqa: PLC0415
    from backend.tickets.models import MintJob  # noqa: PLC0415

    batch.status, batch.last_error = "CANCELLED", reason
    for ticket, job in locks.tickets_with_jobs(session, MintJob.batch_id == batch.id):
        job.status, job.batch_id, job.batch_index, ticket.token_id = "QUEUED", None, None, None
    nudge(session, "tickets.close_batch", batch.collection_id)


_SEND = "backend.chain.send"
VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant(
            "nonce-recycled",
            "the nonce is given to another call when handing over its bytes timed out",
            {f"{_SEND}:hand_over": _recycle_nonce},
            # The forgotten bytes are mined. That another call gets their nonce first is luck: not every run sees it.
            "every transaction is known",
            r"^transaction .*: no attempt has it$",
            ("receipt",),
            ("timeout after accept", "timeout before accept"),
        ),
        Variant(
            "bytes-not-stored",
            "bytes are stored after they were sent, and signed anew after a crash",
            {
                f"{_SEND}:_store": _keep_bytes_in_memory,
                f"{_SEND}:_acknowledge": _store_late,
                f"{_SEND}:_sign": _sign_at_todays_fee,
            },
            "every transaction is known",
            r"^transaction .*: no attempt has it$",
            ("send", "ack"),
            ("base fee times 50",),
        ),
        Variant(
            "batch-re-formed",
            "a batch of unclear fate is formed anew under another number instead of asking the chain",
            {"backend.tickets.minted:ask_chain": _form_anew},
            "duplicated",
            r" tokens for \d+ paid tickets$",
            ("receipt",),
            ("receipt lags", "stale head"),
        ),
    )
}


def missing() -> list[str]:
    """Say which functions of a variant are gone."""
    return steps.missing(point for variant in VARIANTS.values() for point in variant.around)
