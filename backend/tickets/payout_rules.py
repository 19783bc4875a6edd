"""What a wallet is asked to send for a refund, and whether a transaction is that. Pure; amounts in base units.

Nobody's word is taken for it: the transaction is read from the chain, and has to be the very call that was prepared. It
carries the refund's id after its arguments (contracts do not look there, and a plain wallet looks at nothing), so that
it pays one refund and no other. A wallet that is a contract may refuse coins that come with data: those are sent
without it, and told by the payer's number for the transaction (its nonce), which a chain takes once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from backend.chain import abi
from backend.chain.currencies import NATIVE_ADDRESS
from backend.chain.port import ReceiptLog, SentTransaction
from backend.tickets.states import PayoutStatus

P = PayoutStatus
EDGES: dict[PayoutStatus, frozenset[PayoutStatus]] = {
    P.LOCKING: frozenset({P.OWED, P.WITHDRAWN, P.STUCK, P.PAID}),
    P.OWED: frozenset({P.PREPARED, P.WITHDRAWN, P.PAID}),
    # Back to OWED when another transaction has used up the number it was prepared with.
    P.PREPARED: frozenset({P.SENT, P.OWED, P.PAID}),
    P.SENT: frozenset({P.PAID, P.PREPARED, P.OWED}),
    P.STUCK: frozenset({P.OWED, P.WITHDRAWN, P.PAID}),
    P.PAID: frozenset(),
    P.WITHDRAWN: frozenset(),
}
UNDER_WAY = frozenset({P.LOCKING, P.SENT})
"""What a task has something to look at for."""
_TOKEN = "BKS"  # noqa: S105 - an artifact's name
_WORD = 32


class ImpossibleStep(Exception):
    """A payout was to follow a state it cannot follow: a defect of ours."""


class Verdict(StrEnum):
    """What a transaction that is final means for a payout."""

    PAYS = "PAYS"
    FAILED = "FAILED"
    """It is the call that was prepared, and it reverted: no money moved."""
    FOREIGN = "FOREIGN"
    """Something else."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a wallet is asked to sign."""

    to: bytes
    value: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was given to which wallet, and what it has to do."""

    payer: bytes
    nonce: int
    currency: bytes
    payee: bytes
    amount: int
    data: bytes


def step(before: str, after: PayoutStatus) -> PayoutStatus:
    """Return `after` if it may follow `before`. Raises ImpossibleStep."""
    if after not in EDGES[PayoutStatus(before)]:
        raise ImpossibleStep(f"{before} -> {after}")
    return after


def transfer(refund_id: UUID, currency: bytes, payee: bytes, amount: int, *, payee_has_code: bool) -> Transfer:
    """Return the call that pays the refund."""
    reference = refund_id.int.to_bytes(_WORD)
    if currency == NATIVE_ADDRESS:
        return Transfer(payee, amount, b"" if payee_has_code else reference)
    return Transfer(currency, 0, abi.encode_call(_TOKEN, "transfer", [payee, amount]) + reference)


def judge(asked: Prepared, seen: SentTransaction, logs: Sequence[ReceiptLog], *, succeeded: bool) -> Verdict:
    """Say whether a final transaction is the one that was prepared, and did what it was for."""
    in_coin = asked.currency == NATIVE_ADDRESS
    wanted = (asked.payer, asked.payee if in_coin else asked.currency, asked.amount if in_coin else 0, asked.data)
    is_prepared = (seen.sender, seen.to, seen.value, seen.data) == wanted
    if not is_prepared or (not asked.data and seen.nonce != asked.nonce):
        return Verdict.FOREIGN
    has_moved = succeeded and (in_coin or any(_is_transfer(asked, log) for log in logs))
    return Verdict.PAYS if has_moved else Verdict.FAILED


def uses_up(asked: Prepared, seen: SentTransaction) -> bool:
    """Tell whether the transaction took the number the payer was given: what was prepared can never be mined then."""
    return (seen.sender, seen.nonce) == (asked.payer, asked.nonce)


def _is_transfer(asked: Prepared, log: ReceiptLog) -> bool:
    return (
        log.address == asked.currency
        and log.topics[:1] == (abi.topic(_TOKEN, "Transfer"),)
        and [topic[12:] for topic in log.topics[1:]] == [asked.payer, asked.payee]
        and int.from_bytes(log.data) == asked.amount
    )
