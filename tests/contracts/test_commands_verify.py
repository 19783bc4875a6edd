"""`verify`: everything that differs is found, named, and ends with status 1."""

import json

import pytest
import signing
from world import ZERO


def _checks(console, *arguments):
    done = console.run("verify", *arguments, "--json")
    told = json.loads(done.said)
    assert (done.status == 0) == told["ok"]
    return {(check["where"], check["what"]): check for check in told["checks"]}


def _wrong(checks):
    return {what for (_, what), check in checks.items() if check["result"] == "MISMATCH"}


def _change(console, change):
    path = console.deployments / "eip155-31337.json"
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def test_a_platform_as_its_manifest_says(console, factory):
    checks = _checks(console)
    assert _wrong(checks) == set()
    assert checks["CollectionFactory", "version 1"]["found"] == factory.implementation(1).lower()
    said = console.run("verify").said
    assert "code (artifact)" in said and said.strip().endswith("21 of 21 as expected")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda told: told.update(deployer="0x" + "11" * 20), {"owner"}),
        (lambda told: told["roles"].update(deployer="0x" + "11" * 20), {"deployers"}),
        (lambda told: told["roles"].update(bks_minters=[]), {"bks_minters"}),
        (lambda told: told["contracts"]["ResaleMarket"].update(fee_bps=1), {"fee bps"}),
        (lambda told: told["contracts"]["BKS"].update(runtime_hash="0x00"), {"code (manifest)"}),
        (lambda told: told["contracts"]["TicketCollection"].update(version=2), {"latest version"}),
    ],
)
def test_a_manifest_that_says_something_else(console, change, what):
    _change(console, change)
    assert _wrong(_checks(console)) == what


def test_other_code_at_the_address(console, market, chain):
    chain.provider.make_request("anvil_setCode", [market.address, "0x00"])
    assert _wrong(_checks_of_code(console)) == {"code (artifact)", "code (manifest)"}


def _checks_of_code(console):
    """With the market's code gone its getters do not answer; the rest is reported before that."""
    _change(console, lambda told: told["contracts"]["BKS"].update(address="0x" + "22" * 20))
    checks = _checks(console)
    assert checks["BKS", "code (artifact)"]["found"] == "no code"
    return checks


def test_a_role_that_nobody_recorded_is_found(console, bks, factory, people):
    bks.setPauser(people.stranger, True, sender=people.admin)
    factory.setDeployer(people.anna, True, sender=people.admin)
    factory.setDeployer(people.anna, False, sender=people.admin)
    checks = _checks(console)
    assert _wrong(checks) == {"bks_pausers"}
    assert checks["BKS", "bks_pausers"]["found"] == [people.stranger.address.lower()]


# ---- one collection


@pytest.fixture
def consent(params):
    """The parameters of `fresh` as the promoter's wallet saw them: JSON, numbers as text."""
    given = params(eventRef=b"\x02".rjust(32, b"\0"))
    return {name: str(value) if isinstance(value, int) else value for name, value in given.items()} | {
        "eventRef": "0x" + given["eventRef"].hex(),
        "rules": dict(zip(signing.RULES, given["rules"], strict=True)),
        "tiers": [dict(zip(signing.TIER_TERMS, terms, strict=True)) for terms in given["tiers"]],
        "deadline": "9",
    }


def test_a_collection_as_its_promoter_signed_it(console, fresh, people, consent, tmp_path_factory):
    file = _written(tmp_path_factory, consent | {"owner": people.promoter.address, "paused": []})
    checks = _checks(console, "--collection", fresh.address, "--expect", file)
    assert _wrong(checks) == set()
    assert sum(check["result"] == "ok" for check in checks.values()) == 32
    said = console.run("verify", "--collection", fresh.address).said
    assert "of our factory" in said and "shown     " in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minter", "0x" + "11" * 20),
        ("owner", "0x" + "11" * 20),
        ("quotesPerDay", 21),
        ("royaltyBps", 501),
        ("market", ZERO),
        ("resaleCurrency", ZERO),
        ("paused", ["mint"]),
        ("metadataFrozen", True),
        ("baseURI", "ipfs://other/"),
        ("rules", {"resale": False}),
        ("tiers", [{"tier": 1, "face": 1, "paid": 1, "list": 1}]),
    ],
)
def test_each_thing_that_differs_is_named(console, fresh, name, value, tmp_path_factory):
    file = _written(tmp_path_factory, {name: value})
    what = "tier 1" if name == "tiers" else name
    assert _wrong(_checks(console, "--collection", fresh.address, "--expect", file)) == {what}


def test_a_collection_of_nobody_we_know(console, bks):
    assert _wrong(_checks(console, "--collection", bks.address)) == {"of our factory"}


def test_a_collection_whose_code_is_no_clone_of_ours(console, fresh, market, chain):
    code = chain.provider.get_code(fresh.address)
    other = bytes(code).replace(bytes(code)[10:30], bytes.fromhex("33" * 20))
    chain.provider.make_request("anvil_setCode", [fresh.address, "0x" + other.hex()])
    done = console.run("verify", "--collection", fresh.address)
    assert done.status == 1


def test_code_exchanged_behind_a_clone_is_found(console, fresh, factory, chain):
    at = factory.implementation(1)
    code = bytes(chain.provider.get_code(at))
    assert _wrong(_checks(console, "--collection", fresh.address)) == set()
    chain.provider.make_request("anvil_setCode", [at, "0x" + (code[:-1] + b"\x00").hex()])
    try:
        checks = _checks(console, "--collection", fresh.address)
        assert _wrong(checks) == {"code behind it"}
    finally:
        chain.provider.make_request("anvil_setCode", [at, "0x" + code.hex()])


def test_code_that_may_hold_tickets_is_named_and_must_be_expected(console, fresh, people):
    kept, gone = b"\x12" * 32, b"\x34" * 32
    for code in (kept, gone):
        fresh.setReceiverCodeHash(code, True, sender=people.promoter)
    fresh.setReceiverCodeHash(gone, False, sender=people.promoter)
    asked = ("--collection", fresh.address)
    checks = _checks(console, *asked)
    assert _wrong(checks) == {"receiver codes"}
    [found] = [check for check in checks.values() if check["what"] == "receiver codes"]
    assert found["found"] == ["0x" + kept.hex()]
    assert _wrong(_checks(console, *asked, "--expect-receiver", "0x" + kept.hex())) == set()
    both = ("--expect-receiver", "0x" + kept.hex(), "--expect-receiver", "0x" + gone.hex())
    assert _wrong(_checks(console, *asked, *both)) == {"receiver codes"}, "one that was expected is not allowed"
    assert "goes with --collection" in console.refuse("verify", "--expect-receiver", "0x" + kept.hex())
    assert "no hash of 32 bytes" in console.refuse("verify", *asked, "--expect-receiver", "0x12")


@pytest.mark.parametrize(
    ("content", "word"),
    [("{", "cannot be read"), ("[]", "no JSON object"), ('{"mintr": 1}', "mintr"), ('{"eventRef": "x"}', "eventRef")],
)
def test_expectations_that_cannot_be_read(console, fresh, content, word, tmp_path_factory):
    file = tmp_path_factory.mktemp("expected") / "expected.json"
    file.write_text(content)
    assert word in console.refuse("verify", "--collection", fresh.address, "--expect", file)
    assert "--expect goes with --collection" in console.refuse("verify", "--expect", file)


def _written(tmp_path_factory, told):
    file = tmp_path_factory.mktemp("expected") / "expected.json"
    file.write_text(json.dumps(told))
    return file
