"""The settings of the local world are settings of the backend, and its secrets are ours alone."""

import json
import stat
import subprocess

import pytest

from backend.settings import SIGNER_ROLES, Settings
from scripts.machine import contracts, layout, options, vault, world
from scripts.machine.trouble import Trouble

WHERE = world.Addresses(
    api="http://127.0.0.1:8000",
    database="postgresql://app:secret@127.0.0.1/backstage",
    migrate_database="postgresql://owner:secret@127.0.0.1/backstage",
    index_database="postgresql://index:secret@127.0.0.1/backstage",
    redis="redis://127.0.0.1",
    evm="http://127.0.0.1:8545",
    stripe="http://127.0.0.1:12111",
)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    return vault.open_vault(tmp_path_factory.mktemp("vault") / "secrets.json")


def test_secrets_are_made_once_and_only_we_can_read_them(tmp_path):
    path = tmp_path / "secrets.json"
    first = vault.open_vault(path)
    assert vault.open_vault(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({*first.keys.values()}) == len(vault.WALLETS)


def test_a_wallet_that_a_newer_release_knows_gets_its_key_and_the_others_keep_theirs(tmp_path):
    path = tmp_path / "secrets.json"
    first = vault.open_vault(path)
    told = json.loads(path.read_text())
    del told["keys"]["quote"], told["addresses"]["quote"]
    path.write_text(json.dumps(told))
    grown = vault.open_vault(path)
    assert grown.keys["quote"] and grown.keys["quote"] != first.keys["quote"]
    assert {name: key for name, key in grown.keys.items() if name != "quote"} == told["keys"]
    assert vault.open_vault(path) == grown


def test_unreadable_secrets_are_not_replaced_without_a_word(tmp_path):
    path = tmp_path / "secrets.json"
    path.write_text('{"keys": ')
    with pytest.raises(Trouble, match="--fresh"):
        vault.open_vault(path)


def test_every_variable_is_a_setting_and_the_backend_accepts_them(secrets, monkeypatch):
    told = world.settings(WHERE, secrets, options.parse([], {}))
    assert {name.lower() for name in told} <= set(Settings.model_fields)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    accepted = Settings()
    assert {getattr(accepted, f"{role}_key") for role in SIGNER_ROLES} == {secrets.keys[role] for role in SIGNER_ROLES}


def test_no_process_is_told_the_owners_database(secrets):
    told = world.settings(WHERE, secrets, options.parse([], {}))
    assert "MIGRATE_DATABASE_URL" not in told
    assert not any("owner" in value for value in told.values())


def test_with_stripe_itself_the_users_key_is_used_and_no_other_address(secrets, monkeypatch):
    environment = {"STRIPE_API_KEY": "sk_test_mine", "STRIPE_WEBHOOK_SECRET": "whsec_mine"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    where = world.Addresses(**{**WHERE.__dict__, "stripe": None})
    told = world.settings(where, secrets, options.parse([], environment))
    assert told["STRIPE_API_KEY"] == "sk_test_mine"
    assert told["STRIPE_WEBHOOK_SECRET"] == "whsec_mine"
    assert "STRIPE_API_BASE" not in told


def test_on_a_network_of_ones_own_keystores_replace_the_raw_keys(secrets, monkeypatch):
    environment = {"EVM_RPC_URL": "http://node", "EVM_NETWORK": "eip155:97", "MINTER_KEYSTORE": "/keys/minter.json"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    told = world.settings(WHERE, secrets, options.parse([], environment))
    assert told["EVM_NETWORK"] == "eip155:97"
    assert told["MINTER_KEYSTORE"] == "/keys/minter.json"
    assert not told["MINTER_KEY"]


def test_what_the_demo_is_told_is_private(secrets, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "WORLD", tmp_path / "world.json")
    monkeypatch.setattr(layout, "HOUSE", tmp_path / "house.env")
    world.write(WHERE, secrets, options.parse([], {}))
    assert stat.S_IMODE((tmp_path / "world.json").stat().st_mode) == 0o600
    told = json.loads((tmp_path / "world.json").read_text())
    assert told["admin"] == {"address": secrets.addresses["admin"], "key": secrets.keys["admin"]}
    assert not {secrets.keys[role] for role in SIGNER_ROLES} & set(str(told).split("'")), "only the admin's key is told"


def test_other_commands_are_told_the_houses_settings_without_its_signing_keys(secrets, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "WORLD", tmp_path / "world.json")
    monkeypatch.setattr(layout, "HOUSE", tmp_path / "house.env")
    world.write(WHERE, secrets, options.parse([], {}))
    assert stat.S_IMODE(layout.HOUSE.stat().st_mode) == 0o600
    said = subprocess.run(["sh", "-c", f"set -a; . {layout.HOUSE}; env"], capture_output=True, text=True, check=True)
    assert f"DATABASE_URL={WHERE.database}" in said.stdout and f"EVM_RPC_URL={WHERE.evm}" in said.stdout
    assert not [key for key in secrets.keys.values() if key in layout.HOUSE.read_text()]


def test_a_half_done_deployment_is_done_again(secrets, tmp_path):
    manifest = tmp_path / "eip155-31337.json"
    assert not contracts.deployed("http://unused", manifest, secrets)
    manifest.write_text(json.dumps({"contracts": {}, "roles": {}}))
    assert not contracts.deployed("http://unused", manifest, secrets)


@pytest.fixture
def elsewhere(monkeypatch):
    """A node of the user's, and a demo that was asked for."""
    external = {"EVM_RPC_URL": "http://127.0.0.1:18545"}
    monkeypatch.setenv("EVM_RPC_URL", external["EVM_RPC_URL"])
    return options.parse(["--demo"], external)


def test_the_demo_is_told_the_addresses_of_the_users_keystores(secrets, elsewhere, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "WORLD", tmp_path / "world.json")
    monkeypatch.setattr(layout, "HOUSE", tmp_path / "house.env")
    keystore = tmp_path / "minter.json"
    keystore.write_text(json.dumps({"address": "ab" * 20, "crypto": {}}))
    monkeypatch.setenv("MINTER_KEYSTORE", str(keystore))
    world.write(WHERE, secrets, elsewhere)
    told = json.loads(layout.WORLD.read_text())["platform"]
    assert (told["minter"], told["claim"]) == ("0x" + "ab" * 20, secrets.addresses["claim"])
    keystore.write_text("{}")
    with pytest.raises(Trouble, match="MINTER_KEYSTORE"):
        world.write(WHERE, secrets, elsewhere)


def test_the_demo_is_refused_when_the_admins_key_is_not_ours(secrets, elsewhere, monkeypatch):
    monkeypatch.setenv("GUARDIAN_ADDRESS", secrets.addresses["admin"].lower())
    world.check_demo(secrets, elsewhere)
    monkeypatch.setenv("GUARDIAN_ADDRESS", "0x" + "11" * 20)
    with pytest.raises(Trouble, match="leave --demo out"):
        world.check_demo(secrets, elsewhere)
