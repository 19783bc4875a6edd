"""A brake on floods of sign-in nonces, by wallet and by client."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from backend.accounts import limits, service
from backend.kit import clock
from backend.kit.errors import TooMany
from tests.factories.accounts import make_key

URL = "/v1/auth/siwe/nonce"


def ask(client, address=None):
    return client.post(URL, json={"address": address or make_key().address})


def test_one_wallet_gets_so_many_nonces_a_minute_and_is_told_how_long_to_wait(client, now):
    address = make_key().address
    with clock.frozen(now - timedelta(seconds=40)):
        assert {ask(client, address).status_code for _ in range(limits.PER_ADDRESS)} == {201}
    refused = ask(client, address)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "20")
    error = refused.json()["error"]
    assert (error["code"], error["details"]) == ("too_many_requests", {"retry_after_seconds": 20})
    assert ask(client).status_code == 201
    with clock.frozen(now + timedelta(seconds=20)):
        assert ask(client, address).status_code == 201


def test_a_refused_request_does_not_make_the_wait_longer(client, now):
    address = make_key().address
    for _ in range(limits.PER_ADDRESS + 10):
        ask(client, address)
    with clock.frozen(now + limits.WINDOW):
        assert ask(client, address).status_code == 201


def test_one_client_gets_so_many_and_another_is_not_held_up(client, monkeypatch):
    monkeypatch.setattr(limits, "PER_CLIENT", 3)
    assert [ask(client).status_code for _ in range(4)] == [201, 201, 201, 429]
    elsewhere = TestClient(client.app, client=("203.0.113.8", 50_000))
    assert ask(elsewhere).status_code == 201


def test_clients_are_kept_as_keyed_hashes():
    assert limits.client_of("203.0.113.8", "a") not in {
        limits.client_of("203.0.113.8", "b"), limits.client_of("203.0.113.9", "a"), b"203.0.113.8",
    }  # fmt: skip


def test_what_is_given_inside_the_house_is_not_counted_against_a_client(session, now):
    for _ in range(limits.PER_ADDRESS):
        service.give_nonce(session, b"\1" * 20, now, 10)
    with pytest.raises(TooMany):
        service.give_nonce(session, b"\1" * 20, now, 10, limits.client_of("203.0.113.8", "a"))
