"""What may follow what, for a send and for its attempts, and what one look at the chain means. Pure.

An attempt is one nonce with one set of bytes. Two rules carry the rest:
- bytes that were signed may be mined until a final block says otherwise, so their nonce is never given to another call
  (nor counts their call as undone, unless a final block says that their key may not make it any more);
- what a block says can be undone until the block is final, so nothing that cannot be taken back hangs on it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from uuid import UUID

from backend.chain.models import AttemptStatus as A
from backend.chain.models import SendStatus as S

_SEND_STEPS: dict[S, frozenset[S]] = {
    S.QUEUED: frozenset({S.WAITING, S.OVERDUE, S.SENDING, S.REVERTED, S.CANCELLED}),
    S.WAITING: frozenset({S.QUEUED, S.OVERDUE, S.SENDING, S.MINED, S.FINAL, S.REVERTED, S.UNKNOWN, S.CANCELLED}),
    S.OVERDUE: frozenset({S.MINED, S.FINAL, S.REVERTED, S.UNKNOWN, S.CANCELLED}),
    S.SENDING: frozenset({S.QUEUED, S.WAITING, S.OVERDUE, S.MINED, S.FINAL, S.REVERTED, S.UNKNOWN}),
    S.MINED: frozenset({S.FINAL, S.QUEUED, S.SENDING, S.UNKNOWN, S.REVERTED}),
    S.UNKNOWN: frozenset({S.SENDING, S.MINED, S.FINAL, S.REVERTED, S.QUEUED, S.CANCELLED}),
    S.FINAL: frozenset(),
    S.REVERTED: frozenset(),
    S.CANCELLED: frozenset(),
}
_ATTEMPT_STEPS: dict[A, frozenset[A]] = {
    A.ALLOTTED: frozenset({A.SIGNED, A.REPLACED, A.DROPPED}),
    A.SIGNED: frozenset({A.BROADCAST, A.REPLACED, A.MINED, A.FINAL, A.REVERTED, A.DROPPED}),
    A.BROADCAST: frozenset({A.MINED, A.FINAL, A.REVERTED, A.REPLACED, A.DROPPED}),
    A.MINED: frozenset({A.FINAL, A.REVERTED, A.BROADCAST, A.REPLACED, A.DROPPED}),
    # BROADCAST: the offer that replaced it was never signed.
    A.REPLACED: frozenset({A.MINED, A.FINAL, A.REVERTED, A.BROADCAST}),
    A.FINAL: frozenset(),
    A.REVERTED: frozenset(),
    A.DROPPED: frozenset(),
}
OPEN_SENDS = (S.QUEUED, S.WAITING, S.OVERDUE, S.SENDING, S.MINED, S.UNKNOWN)
SENDABLE = (S.QUEUED, S.WAITING, S.OVERDUE, S.SENDING)
"""What is on its way to a block, or would be: it is sent and sent again."""

MAY_BE_LATE = (S.QUEUED, S.WAITING, S.SENDING)
"""What becomes OVERDUE at its deadline. MINED is on time, and of UNKNOWN the chain has to be asked, late or not."""

_SETTLED_ATTEMPTS = frozenset({A.FINAL, A.REVERTED, A.DROPPED})


UNNAMED = "Reverted"
"""What the reason of a revert begins with whose cause nobody can tell: it is gone, or without words."""
OUT_OF_GAS = "OutOfGas"
_MOST_REVERTS = 6
"""Of one send in final blocks, each of which costs gas; after these its asker hears of it."""
_LONGEST_PAUSE = 240.0


class IllegalStep(RuntimeError):
    """The state machine has no such edge: a mistake in our code, never a situation."""


def check_send_step(before: S, after: S) -> None:
    """Raise IllegalStep unless a send may go from `before` to `after` (staying is allowed)."""
    if before != after and after not in _SEND_STEPS[before]:
        raise IllegalStep(f"send: {before} -> {after}")


def check_attempt_step(before: A, after: A) -> None:
    """Raise IllegalStep unless an attempt may go from `before` to `after` (staying is allowed)."""
    if before != after and after not in _ATTEMPT_STEPS[before]:
        raise IllegalStep(f"attempt: {before} -> {after}")


def unless_late(before: S, after: S) -> S:
    """Return `after`, but OVERDUE for a send that is so already: only a block or a person ends that."""
    return S.OVERDUE if before == S.OVERDUE and after in MAY_BE_LATE else after


def may_be_mined(attempts: Iterable[tuple[int, str]]) -> bool:
    """Say whether any of these (nonce, status) could still be in a block, now or later, without our doing.

    What is settled about one attempt is settled about all that share its nonce.
    """
    pairs = list(attempts)
    settled = {nonce for nonce, status in pairs if A(status) in _SETTLED_ATTEMPTS}
    return any(nonce not in settled for nonce, _ in pairs)


def holds_nonce(status: str) -> bool:
    """Say whether an attempt in this state is the one its nonce belongs to, and what its send goes on with."""
    return A(status) not in {A.REPLACED, A.DROPPED, A.REVERTED}


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt, as far as the rules need it. `age` is seconds since it was broadcast (or allotted).

    `is_barred`: final blocks say that its key may not make this call any more.
    """

    id: UUID
    nonce: int
    status: A
    block_hash: bytes | None = None
    age: float = 0.0
    is_barred: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """The receipt of one attempt's hash."""

    block_number: int
    block_hash: bytes
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look at the chain showed: receipts by attempt, hashes a node knows, and counts of used nonces."""

    found: dict[UUID, Found]
    known: frozenset[UUID]
    finalized: int
    mined_nonces: int
    final_nonces: int


@dataclass(frozen=True, slots=True)
class Policy:
    """How long to wait, in seconds: before offering more, and before believing that a nonce is lost."""

    bump_after: float = 60.0
    lost_after: float = 30.0


class Act(Enum):
    """What to do next about the live attempt."""

    NOTHING = auto()
    SEND_AGAIN = auto()  # hand the same bytes to the network once more
    OFFER_MORE = auto()  # replace them by bytes with the same nonce and a higher fee


class Say(Enum):
    """Which notices to announce, in order."""

    UNMINED = auto()
    MINED = auto()
    FINAL = auto()
    REVERTED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look means: new states (demotions first, so that a nonce never has two live attempts), words, deeds."""

    send: S
    attempts: tuple[tuple[UUID, A], ...] = ()
    say: tuple[Say, ...] = ()
    act: Act = Act.NOTHING
    winner: UUID | None = None
    reason: str | None = field(default=None)


def live(attempts: Sequence[Try]) -> Try | None:
    """Return the attempt that holds the send's nonce now, if any."""
    holding = [attempt for attempt in attempts if holds_nonce(attempt.status)]
    return holding[-1] if holding else None


def judge(send: S, attempts: Sequence[Try], sight: Sight, policy: Policy, unknown_for: float = 0.0) -> Verdict:
    """Say what a look at the chain means for a send. `unknown_for`: seconds it has been UNKNOWN."""
    winner = next((attempt for attempt in attempts if attempt.id in sight.found), None)
    if winner is not None:
        return _judge_mined(send, attempts, winner, sight)
    holder = live(attempts)
    if holder is None or holder.status in {A.ALLOTTED, *_SETTLED_ATTEMPTS}:
        return Verdict(send)
    return _judge_unmined(send, holder, sight, policy, unknown_for)


def _judge_mined(send: S, attempts: Sequence[Try], winner: Try, sight: Sight) -> Verdict:
    found = sight.found[winner.id]
    is_final = found.block_number <= sight.finalized
    changes: list[tuple[UUID, A]] = []
    say: list[Say] = []
    holder = live(attempts)
    if holder is not None and holder.id != winner.id:
        # An older set of bytes won the race for the nonce: the two change places.
        changes.append((holder.id, A.REPLACED))
    moved = any(a.status == A.MINED and (a.id != winner.id or a.block_hash != found.block_hash) for a in attempts)
    if send == S.MINED and (moved or not found.succeeded):
        say.append(Say.UNMINED)
    if not found.succeeded:
        changes.append((winner.id, A.REVERTED if is_final else A.MINED))
        say.extend([Say.REVERTED] if is_final else [])
        after = S.REVERTED if is_final else unless_late(send, S.SENDING)
        return Verdict(after, tuple(changes), tuple(say), winner=winner.id, reason="reverted")
    changes.append((winner.id, A.FINAL if is_final else A.MINED))
    if send != S.MINED or moved:
        say.append(Say.MINED)
    if is_final:
        say.append(Say.FINAL)
    return Verdict(S.FINAL if is_final else S.MINED, tuple(changes), tuple(say), winner=winner.id)


def _judge_unmined(send: S, holder: Try, sight: Sight, policy: Policy, unknown_for: float) -> Verdict:
    say: tuple[Say, ...] = (Say.UNMINED,) if send == S.MINED else ()
    if holder.is_barred:
        # No receipt up to that final block, and later ones can only be of reverts: it will never do what it was for.
        dropped = ((holder.id, A.DROPPED),)
        return Verdict(S.UNKNOWN, dropped, (*say, Say.UNKNOWN), reason="its key may not make this call any more")
    changes: tuple[tuple[UUID, A], ...] = ((holder.id, A.BROADCAST),) if holder.status == A.MINED else ()
    if sight.mined_nonces > holder.nonce:
        # Its nonce is used and none of its hashes has a receipt: foreign bytes, or a node that lags behind itself.
        is_lost = sight.final_nonces > holder.nonce and send == S.UNKNOWN and unknown_for >= policy.lost_after
        # Older bytes of ours that a node knows may be what used it, though it shows no receipt yet.
        if is_lost and not sight.known:
            return Verdict(
                S.UNKNOWN, ((holder.id, A.DROPPED),), (Say.UNKNOWN,), reason="its nonce was used by other bytes"
            )
        words = () if send == S.UNKNOWN else (Say.UNKNOWN,)
        return Verdict(S.UNKNOWN, changes, say + words, reason="its nonce is used but none of its hashes is mined")
    back = send if send in {S.WAITING, S.OVERDUE} else S.SENDING
    if changes or holder.id not in sight.known:
        return Verdict(back, changes, say, Act.SEND_AGAIN)
    if holder.age >= policy.bump_after:
        return Verdict(back, changes, say, Act.OFFER_MORE)
    return Verdict(back, changes, say)


def is_passing(reason: str, waits_on: Collection[str], *, is_gas_given: bool) -> bool:
    """Say whether a call that reverted for `reason` may succeed as it is: what refused it passes, or is not known.

    Out of gas it may when its limit was estimated, and is estimated anew.
    """
    name = reason.partition("(")[0]
    if name == OUT_OF_GAS:
        return not is_gas_given
    return name in waits_on or name.startswith(UNNAMED)


def again(send: S, verdict: Verdict, reverts: int) -> tuple[Verdict, float] | None:
    """Return, for a revert that may pass, the verdict that has the call simulated again, and after how many seconds.

    In a final block it did nothing, and its nonce is used up: another nonce cannot make it happen twice. None when it
    has reverted `reverts` times, this one included, and that is enough.
    """
    if reverts >= _MOST_REVERTS:
        return None
    pause = 1.0 if reverts <= 1 else min(15.0 * 2 ** (reverts - 2), _LONGEST_PAUSE)
    say = tuple(word for word in verdict.say if word is not Say.REVERTED)
    return replace(verdict, send=unless_late(send, S.QUEUED), say=say), pause


@dataclass(frozen=True, slots=True)
class Offer:
    """An EIP-1559 fee offer, in wei a unit of gas."""

    max_fee: int
    priority_fee: int


def raised(old: Offer, market: Offer, ceiling: int) -> Offer | None:
    """Return a replacement's offer; None when the least a node takes is above the ceiling.

    Both fees rise by at least an eighth (nodes ask for 10 % on each), more when the market has moved further.
    """
    least = Offer(_eighth_more(old.max_fee), _eighth_more(old.priority_fee))
    if least.max_fee > ceiling:
        return None
    max_fee = min(max(least.max_fee, market.max_fee), ceiling)
    return Offer(max_fee, min(max(least.priority_fee, market.priority_fee), max_fee))


def capped(market: Offer, ceiling: int) -> Offer:
    """Return the first offer for a nonce: the market's, but never above the ceiling."""
    max_fee = min(market.max_fee, ceiling)
    return replace(market, max_fee=max_fee, priority_fee=min(market.priority_fee, max_fee))


def _eighth_more(fee: int) -> int:
    return fee + max(-(-fee // 8), 1)
