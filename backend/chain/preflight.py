"""Trying a call on top of the pending state before it costs a nonce."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, select, tuple_
from sqlalchemy.orm import Session

from backend.chain import abi, rules
from backend.chain.models import ChainSend, ChainSigner
from backend.chain.networks import network
from backend.chain.port import CallReverted, ChainPort, InsufficientFunds
from backend.chain.rules import Offer

SOON = timedelta(seconds=1)
LATER = timedelta(seconds=15)
_GAS_MARGIN_PERCENT = 20


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
class Refused:
    """The contract will not have it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a send stands: after another open one, and before which nonce of its signer."""

    is_behind: bool
    next_nonce: int


def place_of(session: Session, send: ChainSend, sender: bytes) -> Place:
    """Read the place of a send among those of its signer."""
    query = select(ChainSigner.next_nonce).where(ChainSigner.network == send.network, ChainSigner.address == sender)
    return Place(is_behind_another(session, send), session.scalars(query).one())


def is_behind_another(session: Session, send: ChainSend) -> bool:
    """Say whether an earlier call of the same role to the same contract is still open.

    While one is, a revert in simulation may only mean "not yet" (batch 8 before batch 7), on nodes whose pending state
    is just the newest block. So it waits, and nobody is told.
    """
    query = neighbours(send).where(ChainSend.status.in_(rules.OPEN_SENDS), ~is_later(send), ChainSend.id != send.id)
    return session.scalars(query.limit(1)).first() is not None


def neighbours(send: ChainSend) -> Select[ChainSend]:
    """Select the calls of the same role to the same contract: what may depend on each other's order."""
    return select(ChainSend).where(
        ChainSend.network == send.network,
        ChainSend.signer_role == send.signer_role,
        ChainSend.to_address == send.to_address,
    )


def is_later(send: ChainSend) -> ColumnElement[bool]:
    """Compare by when it was asked for; ids break ties."""
    return tuple_(ChainSend.created_at, ChainSend.id) > (send.created_at, send.id)


def check(port: ChainPort, send: ChainSend, sender: bytes, place: Place) -> Go | Wait | Refused:
    """Simulate the call and weigh what it costs. Uses the network, so never inside a transaction."""
    try:
        # The limit is asked for even when it is given: the question is also whether the call would succeed.
        estimate = port.estimate_gas(sender, send.to_address, send.data, send.value, "pending")
    except CallReverted as reverted:
        return _on_revert(send, reverted, is_behind=place.is_behind)
    except InsufficientFunds as empty:
        return Wait(f"signer not funded: {empty.message}", LATER)
    ceiling = network(send.network).fee_ceiling
    fees = port.fees()
    if fees.base_fee >= ceiling:
        return Wait(f"fee ceiling: the base fee is {fees.base_fee} wei, the ceiling {ceiling} wei", LATER)
    gas_limit = send.gas_limit or estimate * (100 + _GAS_MARGIN_PERCENT) // 100
    offer = rules.capped(Offer(fees.max_fee, fees.priority_fee), ceiling)
    needed, balance = gas_limit * offer.max_fee + send.value, port.balance(sender)
    if balance < needed:
        return Wait(f"signer not funded: 0x{sender.hex()} holds {balance} wei and needs {needed}", LATER)
    # Only when somebody else has used our key is the final count of interest.
    is_overtaken = port.nonce(sender) > place.next_nonce
    return Go(gas_limit, offer, port.nonce(sender, "finalized") if is_overtaken else 0)


def _on_revert(send: ChainSend, reverted: CallReverted, *, is_behind: bool) -> Wait | Refused:
    reason = abi.describe_revert(None, reverted.data)
    name = reason.partition("(")[0]
    if name in send.waits_on:
        return Wait(reason, LATER)
    if is_behind:
        return Wait(f"behind an earlier call: {reason}", SOON)
    return Refused(reason)
