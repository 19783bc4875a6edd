"""What logs say of rights, for every event of every contract that says something of one."""

from datetime import UTC, datetime

import pytest
from eth_abi.abi import encode

from backend.authority import onchain
from backend.authority.models import AuthorityChange
from backend.authority.reading import NOBODY, READINGS, Right, answers
from backend.chain import abi
from backend.chain.onlog import Log

ALICE, BOB, CONTRACT = (bytes([letter]) * 20 for letter in (0xA1, 0xB0, 0xC0))
NETWORK = "eip155:31337"


def log(contract, event, block=1, index=0, **values):
    """A log as the contract emits it."""
    entry = next(e for e in abi.artifact(contract)["abi"] if e["type"] == "event" and e["name"] == event)
    indexed = [encode([i["type"]], [values[i["name"]]]) for i in entry["inputs"] if i["indexed"]]
    rest = [i for i in entry["inputs"] if not i["indexed"]]
    data = encode([i["type"] for i in rest], [values[i["name"]] for i in rest])
    place = (block, bytes([block]) * 32, datetime(2026, 6, 1, tzinfo=UTC), bytes([block, 1]) * 16, index)
    return Log(NETWORK, *place, CONTRACT, (abi.topic(contract, event), *indexed), data)


def rights(contract, event, **values):
    return onchain.rights_of(contract, log(contract, event, **values))


def test_every_event_that_is_read_is_one_of_the_contracts():
    for contract, events in READINGS.items():
        assert set(events) <= set(abi.interface(contract).events_by_topic.values())


@pytest.mark.parametrize("contract", READINGS)
def test_every_change_of_a_right_is_read(contract):
    # What changes without being a right: tickets, rules of resale, statuses, an offer of ownership, money.
    other = {"TokenStatusChanged", "StatusChanged", "RulesChanged", "ReceiverCodeHashChanged", "BuybackPriceChanged",
             "BuybackFundChanged"}  # fmt: skip
    names = set(abi.interface(contract).events_by_topic.values())
    telling = {
        name for name in names if name.endswith(("Changed", "Paused", "Unpaused", "Transferred", "Fixed", "Added"))
    }
    assert telling - other == set(READINGS[contract])


@pytest.mark.parametrize(
    ("contract", "event", "values", "said"),
    [
        ("TicketCollection", "MinterChanged", {"minter": ALICE, "allowance": 7}, Right("minter", b"", ALICE, 7)),
        ("TicketCollection", "ScopesPaused", {"scopes": 6, "by": BOB}, Right("paused", b"", BOB, 6)),
        ("TicketCollection", "GuardianChanged", {"guardian": NOBODY}, Right("guardian", b"", NOBODY, None)),
        ("CollectionFactory", "DeployerChanged", {"deployer": BOB, "allowed": True}, Right("isDeployer", BOB, None, 1)),
        (
            "CollectionFactory",
            "VersionAdded",
            {"version": 3, "implementation": BOB},
            Right("implementation", b"\0\0\0\3", BOB),
        ),
        ("ResaleMarket", "FeeChanged", {"receiver": ALICE, "bps": 250}, Right("fee", b"", ALICE, 250)),
        ("BKS", "PauserChanged", {"pauser": ALICE, "allowed": False}, Right("isPauser", ALICE, None, 0)),
        ("BKS", "Unpaused", {"by": ALICE}, Right("paused", b"", ALICE, 0)),
    ],
)
def test_a_log_says_who_holds_what(contract, event, values, said):
    assert rights(contract, event, **values) == [said]


def test_a_market_is_fixed_with_its_currency():
    said = rights("TicketCollection", "MarketFixed", market=ALICE, currency=NOBODY)
    assert said == [Right("market", holder=ALICE), Right("resaleCurrency", holder=NOBODY)]


def test_every_right_has_a_getter_to_be_compared_with():
    for contract, events in READINGS.items():
        for event in events:
            entry = next(e for e in abi.artifact(contract)["abi"] if e["type"] == "event" and e["name"] == event)
            values = {i["name"]: ALICE if i["type"] == "address" else 1 for i in entry["inputs"]}
            for right in events[event](values):
                for getter, arguments, expected in answers(right, BOB):
                    assert abi.encode_call(contract, getter, arguments)
                    assert len(expected) % 32 == 0


def test_a_treasury_that_is_nobody_is_the_owner():
    assert list(answers(Right("treasury", holder=NOBODY), BOB)) == [("treasury", [], BOB.rjust(32, b"\0"))]
    assert list(answers(Right("treasury", holder=ALICE), BOB)) == [("treasury", [], ALICE.rjust(32, b"\0"))]


def _keeper(contract):
    from backend.chain.onlog import registered

    return next(s for s in registered.seen if s.contract == contract and s.handle.__module__ == onchain.__name__).handle


def test_the_newest_log_holds_and_an_undone_one_gives_way_to_the_one_before(session):
    keep = _keeper("TicketCollection")
    logs = [log("TicketCollection", "OperatorChanged", block, operator=who) for block, who in ((1, ALICE), (2, BOB))]
    keep(session, NETWORK, logs)
    keep(session, NETWORK, logs)  # twice is once
    held = lambda block: onchain.at_block(session, NETWORK, block)[CONTRACT][1]  # noqa: E731
    assert session.query(AuthorityChange).count() == 2
    assert held(1) == [Right("operator", b"", ALICE)]
    assert held(2) == [Right("operator", b"", BOB)]
    onchain.forget(session, NETWORK, 2, set())
    assert held(9) == [Right("operator", b"", ALICE)]


def test_two_changes_in_one_block_end_with_the_second(session):
    keep = _keeper("BKS")
    keep(session, NETWORK, [
        log("BKS", "MinterChanged", 1, 0, minter=ALICE, allowed=True),
        log("BKS", "MinterChanged", 1, 1, minter=ALICE, allowed=False),
        log("BKS", "MinterChanged", 1, 2, minter=BOB, allowed=True),
    ])  # fmt: skip
    assert onchain.at_block(session, NETWORK, 1)[CONTRACT] == (
        "BKS",
        [Right("isMinter", ALICE, None, 0), Right("isMinter", BOB, None, 1)],
    )
