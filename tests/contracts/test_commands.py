"""The commands for admins and promoters: they do what they say, and refuse what they should, before sending."""

import json

import pytest
from world import EVENT

EVENT_UUID = "018f0c2e-7a3b-7c4d-8e9f-0a1b2c3d4e5f"
NOBODY = "0x" + "00" * 19 + "99"


# ---- predict


def test_predict_tells_the_address_before_and_after(console, factory, people, launch):
    asked = ("predict", "--promoter", people.promoter.address, "--event", EVENT_UUID)
    told = console.run(*asked).said.splitlines()
    assert told == [factory.predict(people.promoter, EVENT, 1), "version 1, not deployed yet"]
    assert launch().address == told[0]
    assert console.run(*asked[:-1], "0x" + EVENT.hex()).said.splitlines() == [told[0], "version 1, deployed"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--promoter", "0x123", "--event", EVENT_UUID), "is not an address"),
        (("--promoter", "0x52908400098527886E0F7030069857D2E4169Ee7", "--event", EVENT_UUID), "checksum"),
        (("--promoter", NOBODY, "--event", "tonight"), "neither a UUID"),
        (("--promoter", NOBODY, "--event", EVENT_UUID, "--version", "7"), "knows no version 7"),
        (("--event", EVENT_UUID), "Missing option '--promoter'"),
    ],
)
def test_predict_refuses_what_it_cannot_use(console, arguments, word):
    assert word in console.refuse("predict", *arguments)


# ---- the chain and the manifest


def test_a_node_of_another_chain_is_refused(console):
    said = console.refuse("predict", "--promoter", NOBODY, "--event", EVENT_UUID, EVM_NETWORK="bsc-testnet")
    assert "bsc-testnet is chain 97, but the node at --rpc-url is of chain 31337" in said


def test_a_node_that_does_not_answer_is_named_without_its_key(console):
    asked = ("predict", "--promoter", NOBODY, "--event", EVENT_UUID)
    said = console.refuse(*asked, EVM_RPC_URL="http://127.0.0.1:9/a-secret-key")
    assert "Error: " in said and "a-secret-key" not in said
    assert "give an http:// or https:// URL" in console.refuse(*asked, EVM_RPC_URL="file:///etc/passwd")


def test_without_a_manifest_it_says_what_to_do(console, tmp_path):
    (tmp_path / "eip155-31337.json").unlink()
    assert "run `ape run deploy` first" in console.refuse("predict", "--promoter", NOBODY, "--event", EVENT_UUID)


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"network": "eip155:56", "contracts": {}})])
def test_what_is_no_manifest_of_this_network_is_refused(console, tmp_path, content):
    (tmp_path / "eip155-31337.json").write_text(content)
    assert "manifest" in console.refuse("verify")


def test_an_address_that_our_factory_did_not_make_is_refused(console, people, bks):
    for stranger in (bks.address, NOBODY):
        said = console.refuse("pause", "mint", "--collection", stranger, signer=people.guardian)
        assert "is no collection of the factory" in said


# ---- pause


def test_pausing_adds_to_what_is_paused_and_resuming_takes_away(console, fresh, people):
    at = ("--collection", fresh.address)
    said = console.send("pause", "mint", "resale", *at, signer=people.guardian)
    assert fresh.paused() == 2 | 4
    assert "paused: nothing" in said and "paused: mint, resale" in said
    console.send("pause", "sale", *at, signer=people.promoter)
    assert fresh.paused() == 1 | 2 | 4
    console.send("pause", "mint", "--resume", *at, signer=people.guardian)
    assert fresh.paused() == 1 | 4
    before = console.state()
    assert "is so already" in console.send("pause", "sale", *at, signer=people.guardian)
    assert console.state() == before
    console.send("pause", "all", "--resume", *at, signer=people.guardian)
    assert fresh.paused() == 0


def test_what_is_paused_is_shown_without_a_key(console, fresh):
    done = console.run("pause", "--collection", fresh.address)
    assert (done.status, done.said.strip()) == (0, f"{fresh.address} paused: nothing")


def test_a_dry_run_says_exactly_what_would_be_sent(console, fresh, people):
    said = console.try_out("pause", "claim", "--collection", fresh.address)
    for word in (people.guardian.address, fresh.address, "setPaused", "scopes", "8", "gas"):
        assert word in said
    assert fresh.setPaused.encode_input(8).hex() in said
    assert fresh.paused() == 0


def test_a_dry_run_tells_a_stranger_that_it_would_be_refused(console, fresh, people):
    said = console.refuse(
        "pause", "mint", "--collection", fresh.address, "--dry-run", "--from", people.stranger.address
    )
    assert "NotOwnerOrGuardian(): only the collection's owner or its guardian may do this" in said


def test_a_key_without_the_role_sends_nothing(console, fresh, people):
    said = console.refuse("pause", "mint", "--collection", fresh.address, "--yes", signer=people.stranger)
    assert "NotOwnerOrGuardian" in said


@pytest.mark.parametrize(("answer", "paused"), [("y\n", 2), ("n\n", 0), ("", 0)])
def test_it_asks_before_it_sends(console, fresh, people, answer, paused):
    done = console.run("pause", "mint", "--collection", fresh.address, signer=people.guardian, answer=answer)
    assert (done.status == 0) == bool(paused)
    assert fresh.paused() == paused


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("2",), "is not one of"),
        (("mint", "--from", NOBODY), "--from goes with --dry-run"),
        (("mint",), "name --collection, or --all"),
        (("bks", "mint", "--collection", NOBODY), "bks is paused by itself"),
    ],
)
def test_pause_refuses_what_makes_no_sense(console, people, arguments, word):
    assert word in console.refuse("pause", *arguments, signer=people.guardian)


def test_the_token_is_paused_by_its_owner(console, bks, people):
    console.send("pause", "bks", signer=people.admin)
    assert bks.paused()
    console.send("pause", "bks", "--resume", signer=people.admin)
    assert not bks.paused()
    assert "NotPauser" in console.refuse("pause", "bks", "--yes", signer=people.stranger)


# ---- keys


def test_a_keystore_file_signs(console, fresh, people, tmp_path_factory):
    file = _keystore(tmp_path_factory, people.guardian.private_key)
    at = ("--collection", fresh.address, "--keystore", file)
    assert people.guardian.address in console.try_out("pause", "mint", *at)
    console.send("pause", "mint", *at, signer=None, KEYSTORE_PASSWORD="a-password")
    assert fresh.paused() == 2
    said = console.refuse("pause", "sale", *at, "--yes", KEYSTORE_PASSWORD="another")
    assert "cannot be opened" in said and "a-password" not in said


def _keystore(tmp_path_factory, key):
    from eth_account import Account

    file = tmp_path_factory.mktemp("keys") / "key.json"
    file.write_text(json.dumps(Account.encrypt(key, "a-password", kdf="pbkdf2", iterations=1000)))
    return file


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "name a signer"),
        ({"BACKSTAGE_ADMIN_KEY": "0x12"}, "not a private key"),
    ],
)
def test_without_a_usable_key_nothing_is_sent(console, fresh, more, word):
    assert word in console.refuse("pause", "mint", "--collection", fresh.address, "--yes", **more)


def test_what_is_no_keystore_is_refused(console, fresh, tmp_path_factory):
    file = tmp_path_factory.mktemp("keys") / "key.json"
    file.write_text("{}")
    at = ("--collection", fresh.address, "--yes", "--keystore", file)
    assert "no keystore file" in console.refuse("pause", "mint", *at)
    assert "not both" in console.refuse("pause", "mint", *at, "--account", "somebody")
    assert "no Ape account" in console.refuse("pause", "mint", *at[:3], "--account", "somebody-unheard-of")


# ---- rotate_minter


@pytest.mark.parametrize(
    ("key", "getter", "limit"),
    [
        ("minter", "minter", "minterAllowance"),
        ("claim-signer", "claimSigner", "claimsPerDay"),
        ("quote-signer", "quoteSigner", "quotesPerDay"),
    ],
)
def test_a_key_is_replaced_and_its_limits_stay(console, fresh, people, key, getter, limit):
    before, asked = getattr(fresh, limit)(), ("rotate_minter", "--collection", fresh.address, "--key", key, "--to")
    console.try_out(*asked, NOBODY)
    console.send(*asked, people.relayer.address, signer=people.guardian)
    assert (getattr(fresh, getter)(), getattr(fresh, limit)()) == (people.relayer, before)
    console.send(*asked, "zero", signer=people.guardian)
    assert int(getattr(fresh, getter)(), 16) == 0
    assert "is so already" in console.send(*asked, "zero", signer=people.guardian)
    assert "NotOwnerOrGuardian" in console.refuse(*asked, NOBODY, "--yes", signer=people.stranger)


def test_nobody_is_named_only_in_words(console, fresh, people):
    asked = ("rotate_minter", "--collection", fresh.address, "--to", "0x" + "00" * 20)
    assert "say `zero`" in console.refuse(*asked, signer=people.guardian)


# ---- freeze


def test_metadata_is_frozen_once_and_only_as_expected(console, fresh, people):
    uri = fresh.contractURI().removesuffix("collection.json")
    at = ("freeze", "--collection", fresh.address, "--base-uri")
    assert "nothing was sent" in console.refuse(*at, "ipfs://another/", "--yes", signer=people.promoter)
    assert "Unauthorized" in console.refuse(*at, uri, "--yes", signer=people.guardian)
    assert "freezeMetadata" in console.try_out(*at, uri)
    assert not fresh.metadataFrozen()
    console.send(*at, uri, signer=people.promoter)
    assert fresh.metadataFrozen()
    assert "is frozen already" in console.send(*at, uri, signer=people.promoter)
