"""In production a missing or weak secret refuses to start, and says what to set."""

import subprocess
import sys
from pathlib import Path

import pytest

from backend.settings import Misconfigured, Settings, get_settings

ROOT = Path(__file__).resolve().parents[2]
GOOD = {
    "environment": "production",
    "secret_key": "s" * 32,
    "public_url": "https://tickets.example",
    "database_url": "postgresql://backstage_app:secret@db/backstage",
    "stripe_api_key": "sk_live_x",
    "stripe_webhook_secret": "whsec_x",
    "guardian_address": "0x" + "11" * 20,
    "minter_keystore": "/keys/minter.json",
    "claim_keystore": "/keys/claim.json",
    "operator_keystore": "/keys/operator.json",
    "deployer_keystore": "/keys/deployer.json",
    "quote_keystore": "/keys/quote.json",
    "keystore_password": "long enough",
}


def test_a_complete_production_starts(settings):
    settings(**GOOD, minter_key=None)
    assert get_settings().is_production


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("secret_key", "short", "SECRET_KEY"),
        ("secret_key", None, "SECRET_KEY"),
        ("public_url", "http://tickets.example", "PUBLIC_URL"),
        ("database_url", "postgresql://backstage_app@db/backstage", "DATABASE_URL"),
        ("stripe_api_key", None, "STRIPE_API_KEY"),
        ("stripe_webhook_secret", "", "STRIPE_WEBHOOK_SECRET"),
        ("stripe_webhook_secret", "secret", "STRIPE_WEBHOOK_SECRET"),
        ("guardian_address", None, "GUARDIAN_ADDRESS"),
        ("minter_keystore", None, "MINTER_KEYSTORE"),
        ("claim_key", "0x" + "22" * 32, "CLAIM_KEY"),
        ("keystore_password", None, "KEYSTORE_PASSWORD"),
    ],
)
def test_a_weak_production_refuses_and_names_the_variable(settings, name, value, told):
    settings(**{**GOOD, name: value})
    with pytest.raises(Misconfigured, match=told):
        get_settings()


def test_keys_in_a_key_service_need_no_keystore(settings):
    roles = ("minter", "claim", "operator", "deployer", "quote")
    moved = {f"{role}_keystore": None for role in roles} | {f"{role}_kms_key": f"alias/{role}" for role in roles}
    settings(**{**GOOD, **moved, "kms_region": "eu-north-1", "keystore_password": None})
    assert get_settings().minter_kms_key == "alias/minter"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"minter_kms_key": "alias/minter", "kms_region": "eu-north-1"}, "MINTER_KMS_KEY is set and so is"),
        ({"minter_kms_key": "alias/minter", "minter_keystore": None}, "KMS_REGION"),
        ({"minter_kms_key": "alias/minter", "minter_key": "0x" + "22" * 32, "minter_keystore": None}, "MINTER_KMS_KEY"),
        ({"kms_endpoint_url": "http://kms.example"}, "KMS_ENDPOINT_URL"),
        ({"fee_ceiling_gwei": "1", "priority_fee_gwei": "2"}, "PRIORITY_FEE_GWEI is above FEE_CEILING_GWEI"),
        ({"fee_ceiling_gwei": "0"}, "FEE_CEILING_GWEI"),
        ({"evm_ws_url": "http://node.example"}, "EVM_WS_URL"),
        ({"evm_ws_url": "wss://node.example,"}, "EVM_WS_URL"),
    ],
)
def test_neither_the_key_nor_the_fee_is_a_guess(settings, changes, told):
    settings(**{**GOOD, **changes})
    with pytest.raises(Misconfigured, match=told):
        get_settings()


@pytest.mark.parametrize("network", ["eip155:56", "eip155:1"])
@pytest.mark.parametrize("key", ["sk_test_x", "rk_test_x", "anything"])
def test_real_tickets_are_not_sold_for_test_money(settings, network, key):
    settings(**{**GOOD, "evm_network": network, "stripe_api_key": key})
    with pytest.raises(Misconfigured, match=f"STRIPE_API_KEY is not a live key.*{network}.*use the live key"):
        get_settings()


@pytest.mark.parametrize("network", ["eip155:56", "eip155:1", "eip155:97"])
@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x"])
def test_a_live_key_sells_real_tickets(settings, network, key):
    settings(**{**GOOD, "evm_network": network, "stripe_api_key": key})
    assert get_settings().evm_network == network


def test_production_on_a_test_network_may_use_a_test_key(settings):
    settings(**{**GOOD, "evm_network": "eip155:97", "stripe_api_key": "sk_test_x"})
    assert get_settings().is_production


@pytest.mark.parametrize("environment", ["development", "test"])
@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x"])
def test_a_live_key_is_for_production_only(settings, environment, key):
    settings(environment=environment, stripe_api_key=key)
    with pytest.raises(Misconfigured, match=r"STRIPE_API_KEY is a live key.*use a test key.*or set ENVIRONMENT"):
        get_settings()


@pytest.mark.parametrize("module", ["backend.api", "backend.worker", "indexer"])
def test_every_door_refuses_to_open(module):
    command = [sys.executable, "-c", f"import {module} as door; door.app"]
    if module == "indexer":
        command = [sys.executable, "-m", "indexer", "status"]
    done = subprocess.run(
        command, cwd=ROOT, env={"ENVIRONMENT": "production"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "SECRET_KEY must be set" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_setting_is_in_the_example():
    example = (ROOT / ".env.example").read_text()
    missing = [name for name in Settings.model_fields if f"{name.upper()}=" not in example]
    assert missing == []
