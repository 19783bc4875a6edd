"""`grant` and `revoke`: every role, once, by whom the contracts let."""

import json

import pytest
from world import ZERO

NOBODY = "0x" + "00" * 19 + "99"
SINGLE = ("claim-signer", "quote-signer", "operator", "guardian", "treasury")
GETTERS = {"claim-signer": "claimSigner", "quote-signer": "quoteSigner"}


def _roles(console):
    return json.loads((console.deployments / "eip155-31337.json").read_text())["roles"]


def test_platform_roles_are_given_taken_and_recorded(console, factory, bks, people):
    anna, ben = people.anna.address, people.ben.address
    wanted = (f"deployer={anna}", f"bks-minter={ben}", f"bks-pauser={ben}")
    said = console.try_out("grant", *wanted)
    assert f"deployer             {anna} would be granted" in said
    console.send("grant", *wanted, signer=people.admin)
    assert factory.isDeployer(anna) and bks.isMinter(ben) and bks.isPauser(ben)
    minters = [people.admin.address, ben]
    assert _roles(console) == {"deployer": anna, "bks_minters": minters, "bks_pausers": [ben]}

    height = console.state()[0]
    assert console.send("grant", *wanted, signer=people.admin).count("already granted") == 3
    assert console.state()[0] == height

    console.send("revoke", *wanted, signer=people.admin)
    assert not (factory.isDeployer(anna) or bks.isMinter(ben) or bks.isPauser(ben))
    assert _roles(console) == {"bks_minters": [people.admin.address], "bks_pausers": []}
    assert console.send("revoke", *wanted, signer=people.admin).count("already revoked") == 3


def test_a_minter_gets_its_allowance_and_daily_limit(console, fresh, people):
    at = ("--collection", fresh.address)
    asked = ("grant", f"minter={people.anna.address}", "--allowance", "7", "--per-day", "3", *at)
    assert console.try_out(*asked).count("function") == 2
    console.send(*asked, signer=people.promoter)
    assert (fresh.minter(), fresh.minterAllowance(), fresh.mintsPerDay()) == (people.anna, 7, 3)
    console.send("grant", f"minter={people.ben.address}", *at, signer=people.promoter)
    assert (fresh.minter(), fresh.minterAllowance(), fresh.mintsPerDay()) == (people.ben, 7, 3)
    # The guardian may take it, and what is left of the allowance waits for the next.
    console.send("revoke", f"minter={people.ben.address}", *at, signer=people.guardian)
    assert (fresh.minter(), fresh.minterAllowance()) == (ZERO, 7)
    said = console.refuse("grant", f"minter={people.ben.address}", *at, "--yes", signer=people.guardian)
    assert "Unauthorized(): only the owner of the contract may do this" in said


def test_every_other_role_of_a_collection(console, fresh, people):
    at, new = ("--collection", fresh.address), people.relayer.address
    console.send("grant", *(f"{role}={new}" for role in SINGLE), "--per-day", "9", *at, signer=people.promoter)
    assert {getattr(fresh, GETTERS.get(role, role))() for role in SINGLE} == {new}
    assert (fresh.claimsPerDay(), fresh.quotesPerDay()) == (9, 9)
    console.send("revoke", *(f"{role}={new}" for role in SINGLE), *at, signer=people.promoter)
    held = {role: getattr(fresh, GETTERS.get(role, role))() for role in SINGLE}
    assert held == dict.fromkeys(SINGLE, ZERO) | {"treasury": people.promoter}
    console.send("grant", f"fee-receiver={new}", *at, signer=people.fees)
    assert fresh.feeReceiver() == new
    said = console.refuse("revoke", f"fee-receiver={new}", *at, "--yes", signer=people.relayer)
    assert "cannot be taken away" in said


def test_revoking_from_somebody_else_hits_nobody(console, fresh, people):
    said = console.send("revoke", f"operator={NOBODY}", "--collection", fresh.address, signer=people.promoter)
    assert "already revoked" in said
    assert fresh.operator() == people.operator


def test_the_markets_fee_and_its_receiver(console, market, people):
    console.send("grant", f"market-fee-receiver={people.anna.address}", signer=people.admin)
    assert (market.feeReceiver(), market.feeBps()) == (people.anna, 250)
    console.send("grant", f"market-fee-receiver={people.anna.address}", "--fee-bps", "100", signer=people.admin)
    assert market.feeBps() == 100
    console.send("revoke", f"market-fee-receiver={people.anna.address}", signer=people.admin)
    assert (market.feeReceiver(), market.feeBps()) == (ZERO, 0)


def test_ownership_moves_when_the_new_owner_asked_and_the_old_one_confirms(console, fresh, people):
    asked = ("grant", f"owner={people.anna.address}", "--collection", fresh.address)
    assert "NoHandoverRequest" in console.refuse(*asked, "--yes", signer=people.promoter)
    assert "has asked" in console.send(*asked, signer=people.anna)
    assert fresh.owner() == people.promoter
    console.send(*asked, signer=people.promoter)
    assert fresh.owner() == people.anna
    said = console.refuse("revoke", *asked[1:], "--yes", signer=people.anna)
    assert "cannot be taken away" in said


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "name at least one ROLE"),
        (("boss=" + NOBODY,), "is none of the roles"),
        (("deployer",), "is not ROLE=0x..."),
        (("deployer=0x12",), "is not an address"),
        (("deployer=0x" + "00" * 20,), "it is the zero address"),
        (("minter=" + NOBODY,), "name --collection"),
        (("deployer=" + NOBODY, "--collection", NOBODY), "leave --collection out"),
        (("deployer=" + NOBODY, "--allowance", "5"), "--allowance belongs to none of"),
        (("market-fee-receiver=" + NOBODY, "--fee-bps", "1001"), "is not in the range"),
    ],
)
def test_grant_refuses_what_makes_no_sense(console, people, arguments, word):
    assert word in console.refuse("grant", *arguments, "--yes", signer=people.admin)


def test_another_key_gives_no_platform_role(console, people):
    said = console.refuse("grant", f"deployer={NOBODY}", "--yes", signer=people.stranger)
    assert "Unauthorized" in said
