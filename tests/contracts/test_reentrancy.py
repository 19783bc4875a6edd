"""Every function that changes state, called inside every other one that hands over control.

The double of `reentry.py` is receiver, token and wallet of code at once, and holds every role. A call inside another
either fails with an error that has a name, or leaves exactly what the two leave one after the other.
"""

from collections import Counter
from functools import lru_cache
from itertools import product

import pytest
from eth_utils import keccak
from reentry import NOTHING, Point, World
from reentry_cases import ALONE, cases, functions

LOCKED_TOGETHER = {
    "TicketCollection": {"buy", "safeMint", "withdraw", "withdrawFees"},
    "ResaleMarket": {"acceptOffer", "buy", "fundBuyback", "sellBack", "withdraw", "withdrawBuyback"},
}
"""What handles money or calls a receiver: no two of one contract at a time."""

TOKEN = [Point.PERMIT, Point.TRANSFER_FROM, Point.TRANSFER, Point.TRANSFER, Point.TRANSFER]
HANDED_OVER = {
    False: {
        "TicketCollection.safeTransferFrom": [Point.TICKET],
        "TicketCollection.safeMint": [Point.TICKET],
        "TicketCollection.buy": TOKEN[:2],
        "TicketCollection.withdraw": [Point.TRANSFER],
        "TicketCollection.withdrawFees": [Point.TRANSFER],
        "ResaleMarket.buy": TOKEN,
        "ResaleMarket.acceptOffer": TOKEN,
        "ResaleMarket.sellBack": [Point.TRANSFER],
        "ResaleMarket.fundBuyback": TOKEN[:2],
        "ResaleMarket.withdrawBuyback": [Point.TRANSFER],
        "ResaleMarket.withdraw": [Point.TRANSFER],
    },
    True: {
        "TicketCollection.safeTransferFrom": [Point.TICKET],
        "TicketCollection.safeMint": [Point.TICKET],
        "TicketCollection.withdraw": [Point.COIN],
        "TicketCollection.withdrawFees": [Point.COIN],
        "ResaleMarket.buy": [Point.COIN] * 3,
        "ResaleMarket.sellBack": [Point.COIN],
        "ResaleMarket.withdrawBuyback": [Point.COIN],
        "ResaleMarket.withdraw": [Point.COIN],
    },
}
"""Who is called, in order, by every function that calls anybody: seller, royalty and fee receiver are three."""


SIGNED_FOR = {
    "TicketCollection.buy": "BadQuoteSignature",
    "TicketCollection.claim": "BadVoucher",
    "ResaleMarket.buy": "BadSignature",
    "ResaleMarket.acceptOffer": "BadSignature",
    "ResaleMarket.sellBack": "BadSignature",
}
"""What asks a contract for its signature, and how it ends when that does something else instead."""


@pytest.fixture(scope="module", params=[False, True], ids=["token", "native coin"])
def hostile(request, project, params, people):
    return World(project, params, people, native=request.param)


@pytest.fixture(scope="module")
def calls(hostile):
    return cases(hostile)


def short(call):
    return f"{call.contract}.{call.function.split('(')[0]}"


@pytest.fixture(scope="module")
def outer_calls(hostile, calls):
    """Return of each function a call that succeeds by itself, with the moments in which it hands over control."""
    firsts = [variants[0] for variants in calls.values() if expected_alone(hostile, variants[0]) is None]
    return {call: found for call in firsts if (found := places(hostile, call))}


def expected_alone(hostile, call):
    if hostile.native and short(call) == "ResaleMarket.acceptOffer":
        return "OfferInNativeCoin"
    return ALONE.get(short(call), ALONE.get(call.function.split("(")[0]))


@lru_cache
def errors(hostile):
    """Return the names of all errors by their first four bytes."""
    abis = (abi for contract in hostile.contracts.values() for abi in contract.contract_type.errors)
    return {keccak(text=abi.selector)[:4]: abi.name for abi in abis}


def places(hostile, call):
    """Return the moments in which a call hands over control: (point, how often it was reached before)."""
    found = []
    for point in (Point.COIN, Point.TICKET, Point.PERMIT, Point.TRANSFER_FROM, Point.TRANSFER):
        skip = 0
        while hostile.try_all(call, NOTHING, point, skip, b"")[0].fired:
            found.append((point, skip))
            skip += 1
    return found


def test_there_is_a_case_for_every_function_that_changes_state(hostile, calls):
    there_are = {(name, f) for name, contract in hostile.contracts.items() for f in functions(contract).values()}
    assert set(calls) == there_are


def test_each_case_succeeds_by_itself(hostile, calls):
    """Or it would prove nothing when it fails inside another call."""
    for variants in calls.values():
        alone = hostile.try_all(variants[0], NOTHING)[0]
        expected = expected_alone(hostile, variants[0])
        assert (str(variants[0]), errors(hostile).get(alone.outer_error)) == (str(variants[0]), expected)
        assert alone.outer_ok == (expected is None)


def test_who_is_called_is_known(hostile, outer_calls):
    found = {short(call): [point for point, _ in moments] for call, moments in outer_calls.items()}
    assert found == HANDED_OVER[hostile.native]


def test_a_call_inside_another_gains_nothing(hostile, calls, outer_calls):
    ended = Counter()
    inner_calls = [call for variants in calls.values() for call in variants]
    for outer, moments in outer_calls.items():
        alone = hostile.try_all(outer, NOTHING)[0].state
        for (point, skip), inner in product(moments, inner_calls):
            ended[_judge(hostile, alone, outer, inner, point, skip)] += 1
    # Most calls are not stopped at all, or the rest would prove little.
    assert ended["one after the other"] > ended.total() / 2
    assert ended["out of gas"] < ended.total() / 10


def _judge(hostile, alone, outer, inner, point, skip):
    """Say how a call inside another one ended; fail if it could not have ended so without being inside."""
    inside, afterwards, before = hostile.try_all(outer, inner, point, skip)
    where = f"{inner} inside {outer}, {point.name} {skip}"
    # None of ours fails because of what happens inside it: a receiver can refuse a payment to itself, and no more.
    assert inside.outer_ok, f"{where} makes it fail: {errors(hostile).get(inside.outer_error)}"
    assert inside.fired, where
    inner_error = errors(hostile).get(inside.inner_error)
    if locked_together(outer, inner):
        assert inner_error == "Reentered", where
    if inside.inner_ok:
        one_after_the_other = [run.state for run in (afterwards, before) if run.outer_ok and run.inner_ok]
        if inside.state not in one_after_the_other:
            pytest.fail(f"{where}: {hostile.differences(outer, inner, point, skip)}")
        return "one after the other"
    assert inside.state == alone, where
    if inside.inner_error == bytes(4):
        assert point == Point.COIN, where  # whoever is paid in coins gets little gas
        return "out of gas"
    assert inner_error, where
    return inner_error


def locked_together(outer, inner):
    functions_of_both = {short(outer).split(".")[1], short(inner).split(".")[1]}
    return outer.contract == inner.contract and functions_of_both <= LOCKED_TOGETHER.get(outer.contract, set())


def test_who_is_asked_for_a_signature_can_change_nothing(hostile, calls):
    for function, error in SIGNED_FOR.items():
        call = next(variants[0] for variants in calls.values() if short(variants[0]) == function)
        if expected_alone(hostile, call) is None:
            asked = hostile.try_all(call, NOTHING, Point.SIGNATURE)[0]
            assert (function, errors(hostile).get(asked.outer_error), asked.fired) == (function, error, False)
