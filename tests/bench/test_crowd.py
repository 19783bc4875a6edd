"""The world outside: buyers who try again as they should, and post that comes often, late and all at once."""

import time
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest

from bench.fault_kit import postman as post
from bench.fault_kit.buyers import GaveUp, Wish, persist
from bench.fault_kit.postman import MOST_COPIES, Postman
from scripts.demo.http import Refused


@contextmanager
def _api(statuses):
    """An API that takes webhooks and answers with these statuses, then with 200."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append((self.rfile.read(int(self.headers["content-length"])), self.headers["Stripe-Signature"]))
            self.send_response(statuses.pop() if statuses else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", taken
        server.shutdown()


@contextmanager
def _postman(api, seed):
    with Postman(0, api, seed) as postman:
        postman.start()
        yield postman
        postman.shutdown()


def _send(postman, body):
    connection = HTTPConnection("127.0.0.1", postman.server_port, timeout=10)
    headers = {"Stripe-Signature": "t=1,v1=aa", "Content-Type": "application/json", "User-Agent": "Stripe"}
    connection.request("POST", "/v1/webhooks/stripe", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(post, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(post, "_LATEST_SECONDS", 0.2)


def test_webhooks_arrive_once_at_least_twenty_times_at_most_signed_and_unchanged(quick):
    with _api([]) as (address, taken), _postman(address, "seed") as postman:
        assert {_send(postman, b"%d" % number) for number in range(40)} == {200}
        give_up = time.monotonic() + 10
        while postman.waiting() or postman.told()["most_copies"] < MOST_COPIES or time.monotonic() < give_up - 9:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        times = [sum(body == b"%d" % number for body, _ in taken) for number in range(40)]
    assert min(times) == 1 and max(times) == MOST_COPIES
    assert postman.told()["webhooks"] >= sum(times)
    assert {signature for _, signature in taken} == {"t=1,v1=aa"}


def test_what_the_api_did_not_take_is_told_to_the_sender(quick):
    with _api([500]) as (address, _), _postman(address, "seed") as postman:
        assert _send(postman, b"1") == 500


def test_a_copy_that_the_api_did_not_take_comes_again(quick, monkeypatch):
    monkeypatch.setattr(post, "_MOST_OF", 1)
    monkeypatch.setattr(post, "_AGAIN_SECONDS", 0.05)
    with _api([200, 500, 503, 500]) as (address, taken), _postman(address, "seed") as postman:
        _send(postman, b"1")
        give_up = time.monotonic() + 10
        while postman.told()["most_copies"] < MOST_COPIES - 1:
            assert time.monotonic() < give_up
            time.sleep(0.05)
    assert len(taken) > MOST_COPIES


def test_an_api_that_is_dead_is_told_to_the_sender(quick):
    with _postman("127.0.0.1:1", "seed") as postman:
        assert _send(postman, b"1") == 502


def test_a_purchase_is_the_same_for_a_seed_and_another_for_another():
    first = [Wish.draw(1, number, 5, 40) for number in range(50)]
    assert first == [Wish.draw(1, number, 5, 40) for number in range(50)]
    assert first != [Wish.draw(2, number, 5, 40) for number in range(50)]
    assert {wish.fan is None for wish in first} == {wish.is_scarce for wish in first} == {True, False}


def _soon():
    return time.monotonic() + 5


@pytest.mark.parametrize("trouble", [httpx.ConnectError("gone"), Refused(503, "gave_way", "", {})])
def test_a_house_that_is_away_for_a_moment_is_asked_again(trouble):
    answers = [trouble]

    def ask():
        if answers:
            raise answers.pop()
        return "sold"

    assert persist(ask, _soon()) == "sold"


def test_a_refusal_is_final():
    def ask():
        raise Refused(409, "sold_out", "", {})

    with pytest.raises(Refused):
        persist(ask, _soon())


def test_nobody_waits_for_ever():
    def ask():
        raise httpx.ConnectError("gone")

    with pytest.raises(GaveUp):
        persist(ask, time.monotonic() + 0.1)
