"""Trying a call on top of the pending state before it costs a nonce."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from backend.chain import abi, rules
from backend.chain.models import AttemptStatus, ChainAttempt, ChainCursor, ChainSend, ChainSigner, SendStatus
from backend.chain.networks import network
from backend.chain.outbox import ceiling_of
from backend.chain.port import CallReverted, ChainPort, InsufficientFunds, RefusedByNode
from backend.chain.rules import Offer
from backend.kit import clock

SOON = timedelta(seconds=1)
LATER = timedelta(seconds=15)
_GAS_MARGIN_PERCENT = 20
_LONGEST_PAUSE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Go:
    """Send it: with this gas limit, this offer, and no nonce below `final_nonces`."""

    gas_limit: int
    offer: Offer
    final_nonces: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: try again after `pause`."""

    reason: str
    pause: timedelta


@dataclass(frozen=True, slots=True)
class Behind:
    """Not its turn: an earlier call to the same contract goes first. Nothing is wrong, so nobody is told."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The contract will not have it: a node says so, and `confirm` whether that stands."""

    reason: str


class Ahead(Enum):
    """How the earlier calls of the same role to the same contract are doing."""

    NOBODY = auto()
    SENT = auto()  # all have lower nonces of the same key: what comes now is mined after them
    UNSENT = auto()  # one of them has no nonce, or another key's, or nobody knows what became of it


@dataclass(frozen=True, slots=True)
class Place:
    """Where a send stands: behind which others, and before which nonce of its signer."""

    ahead: Ahead
    next_nonce: int


def place_of(session: Session, send: ChainSend, sender: bytes) -> Place:
    """Read the place of a send among those of its signer."""
    query = select(ChainSigner.next_nonce).where(ChainSigner.network == send.network, ChainSigner.address == sender)
    return Place(ahead_of(session, send, sender), session.scalars(query).one())


def ahead_of(session: Session, send: ChainSend, sender: bytes) -> Ahead:
    """Say how the calls before this one are doing.

    While one is open, a revert in simulation may only mean "not yet" (batch 8 before batch 7), on nodes whose pending
    state is just the newest block. So it waits.
    """
    query = neighbours(send).where(ChainSend.status.in_(rules.OPEN_SENDS), ~is_later(send), ChainSend.id != send.id)
    # Between two keys the network keeps no order, whatever the numbers of their nonces.
    is_before = select(ChainAttempt.id).where(
        ChainAttempt.send_id == ChainSend.id,
        ChainAttempt.signer == sender,
        ChainAttempt.status.not_in([AttemptStatus.REPLACED, AttemptStatus.DROPPED, AttemptStatus.REVERTED]),
    )
    asked = query.with_only_columns(ChainSend.status, is_before.exists())
    found = {(status, is_ours) for status, is_ours in session.execute(asked)}
    if not found:
        return Ahead.NOBODY
    sent = {SendStatus.SENDING, SendStatus.MINED}
    return Ahead.SENT if all(status in sent and is_ours for status, is_ours in found) else Ahead.UNSENT


def neighbours(send: ChainSend) -> Select[ChainSend]:
    """Select the calls of the same role to the same contract: what may depend on each other's order.

    By contract and not by key: a batch depends on the one before it, also when another key has signed that. Nothing
    depends on what the same key sends elsewhere.
    """
    return select(ChainSend).where(
        ChainSend.network == send.network,
        ChainSend.signer_role == send.signer_role,
        ChainSend.to_address == send.to_address,
    )


def is_later(send: ChainSend) -> ColumnElement[bool]:
    """Compare by when it was asked for; ids break ties."""
    return tuple_(ChainSend.created_at, ChainSend.id) > (send.created_at, send.id)


def check(port: ChainPort, send: ChainSend, sender: bytes, place: Place) -> Go | Wait | Behind | Refused:
    """Simulate the call and weigh what it costs. Uses the network, so never inside a transaction.

    A call whose gas is known goes right behind others that are under way: their effect, on which its own depends, is
    in no node's state yet. Should one of them fail, it reverts, and is asked for again.
    """
    gas_limit = send.gas_limit
    if gas_limit is None or place.ahead is not Ahead.SENT:
        try:
            # The limit is asked for even when it is given: the question is also whether the call would succeed.
            estimate = port.estimate_gas(sender, send.to_address, send.data, send.value, "pending")
        except CallReverted as reverted:
            return _on_revert(send, reverted, is_behind=place.ahead is not Ahead.NOBODY)
        except InsufficientFunds as empty:
            return Wait(f"signer not funded: {empty.message}", LATER)
        gas_limit = gas_limit or estimate * (100 + _GAS_MARGIN_PERCENT) // 100
    ceiling = ceiling_of(send)
    fees = port.fees()
    if fees.base_fee >= ceiling:
        return Wait(f"fee ceiling: the base fee is {fees.base_fee} wei, the ceiling {ceiling} wei", LATER)
    offer = rules.capped(network(send.network).offer(fees), ceiling)
    needed, balance = gas_limit * offer.max_fee + send.value, port.balance(sender)
    if balance < needed:
        return Wait(f"signer not funded: 0x{sender.hex()} holds {balance} wei and needs {needed}", LATER)
    # Only when somebody else has used our key is the final count of interest.
    is_overtaken = port.nonce(sender) > place.next_nonce
    return Go(gas_limit, offer, port.nonce(sender, "finalized") if is_overtaken else 0)


def final_seen(session: Session, send: ChainSend) -> int:
    """Return the newest block that we know to be final: by the index, and by earlier calls to the same contract."""
    indexed = session.scalar(select(func.max(ChainCursor.finalized_number)).where(ChainCursor.network == send.network))
    called = session.scalar(
        select(func.max(ChainAttempt.block_number))
        .join(ChainSend, ChainSend.id == ChainAttempt.send_id)
        .where(
            ChainSend.network == send.network,
            ChainSend.to_address == send.to_address,
            ChainAttempt.status == AttemptStatus.FINAL,
        )
    )
    return max(indexed or 0, called or 0)


def confirm(port: ChainPort, send: ChainSend, sender: bytes, refused: Refused, known: int) -> Wait | Refused:
    """Let a refusal stand if the final block refuses the call as well, and is not before `known`; else wait.

    A node that lags refuses what depends on blocks it does not have, one that lies refuses anything, and what a newer
    block refuses a reorg may allow. Uses the network. Raises what asking about a final block raises.
    """
    waited = (clock.now() - send.status_since).total_seconds()
    pause = timedelta(seconds=min(max(waited / 2, SOON.total_seconds()), _LONGEST_PAUSE.total_seconds()))
    with port.look() as look:
        final = look.node.finalized()
        if final.number < known:
            return Wait(f"{refused.reason}: by a node that is behind, final block {final.number} of {known}", pause)
        try:
            look.node.call(send.to_address, send.data, final.hash, sender=sender, value=send.value)
        except CallReverted as reverted:
            reason = abi.describe_revert(None, reverted.data)
            return Wait(reason, pause) if reason.partition("(")[0] in send.waits_on else refused
        except RefusedByNode as unknown:
            return Wait(f"{refused.reason}: not confirmed, {unknown.message}", pause)
    return Wait(f"{refused.reason}: not by a final block yet", pause)


def _on_revert(send: ChainSend, reverted: CallReverted, *, is_behind: bool) -> Wait | Behind | Refused:
    reason = abi.describe_revert(None, reverted.data)
    name = reason.partition("(")[0]
    if name in send.waits_on:
        return Wait(reason, LATER)
    return Behind() if is_behind else Refused(reason)
