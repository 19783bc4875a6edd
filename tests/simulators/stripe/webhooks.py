"""Signed messages, delivered in the background and again until a 2xx answers: https://docs.stripe.com/webhooks."""

import hashlib
import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.simulators.stripe.state import Json, State, new_id

_AT_ONCE = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_MOST_ATTEMPTS = 60
_TIMEOUT_SECONDS = 10.0


def sign(payload: bytes, secret: str, at: int) -> str:
    """Return the `Stripe-Signature` header: HMAC-SHA256 over the time, a dot and the raw body."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def delivered(state: State, event_id: str) -> bool:
    """Whether any delivery of the event was answered with a 2xx."""
    return any(d["event"] == event_id and d["status"] == "DELIVERED" for d in state["deliveries"].values())


class Postman:
    """Delivers what `post` hands over. Deliveries are in the state, so a restart goes on with them."""

    def __init__(self, state: State, url: str, secret: str, first_pause: float = _FIRST_PAUSE) -> None:
        self._state, self._url, self._secret, self._first_pause = state, url, secret, first_pause
        self._wake, self._stop = threading.Event(), threading.Event()
        self._under_way: set[str] = set()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="postman")
        # No proxies from the environment: it only ever speaks to the address it was given.
        self._http = httpx.Client(timeout=_TIMEOUT_SECONDS, trust_env=False)
        self._thread = threading.Thread(target=self._run, name="postman-rounds", daemon=True)

    def start(self) -> None:
        """Begin the rounds."""
        self._thread.start()

    def stop(self) -> None:
        """End the rounds; what is not delivered stays in the state."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown()
        self._http.close()

    def post(self, event: Json, times: int = 1) -> list[str]:
        """Put the event into the bag `times` times and return the deliveries' ids."""
        made = []
        with self._state.changing():
            for _ in range(times):
                delivery_id = new_id("wd_")
                self._state["deliveries"][delivery_id] = {
                    "id": delivery_id,
                    "event": event["id"],
                    "type": event["type"],
                    "status": "WAITING",
                    "attempts": 0,
                    "next_at": 0.0,
                    "answers": [],
                }
                made.append(delivery_id)
        self._wake.set()
        return made

    def wake(self) -> None:
        """Look into the bag now."""
        self._wake.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            pause = self._round()
            self._wake.wait(pause)

    def _round(self) -> float:
        """Hand out all that is due; return how long to sleep."""
        now, soonest = time.time(), now_plus(1.0)
        with self._state.changing():
            if self._state.paused:
                return 1.0
            waiting = [d for d in self._state["deliveries"].values() if d["status"] == "WAITING"]
            for delivery in waiting:
                if delivery["id"] in self._under_way:
                    continue
                if delivery["next_at"] > now:
                    soonest = min(soonest, delivery["next_at"])
                    continue
                self._under_way.add(delivery["id"])
                self._pool.submit(self._deliver, delivery["id"])
        return max(soonest - time.time(), 0.01)

    def _deliver(self, delivery_id: str) -> None:
        with self._state.changing():
            delivery = self._state["deliveries"][delivery_id]
            payload = json.dumps(self._state["events"][delivery["event"]], indent=2).encode()
        headers = {
            "Stripe-Signature": sign(payload, self._secret, int(time.time())),
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (simulated by Backstage; not Stripe)",
        }
        try:
            response = self._http.post(self._url, content=payload, headers=headers)
            answer, is_ok = str(response.status_code), response.is_success
        except httpx.HTTPError as error:
            answer, is_ok = type(error).__name__, False
        with self._state.changing():
            delivery["attempts"] += 1
            delivery["answers"].append(answer)
            if is_ok:
                delivery["status"] = "DELIVERED"
            elif delivery["attempts"] >= _MOST_ATTEMPTS:
                delivery["status"] = "GIVEN_UP"
            pause = min(self._first_pause * 2 ** min(delivery["attempts"] - 1, 10), _LONGEST_PAUSE)
            delivery["next_at"] = now_plus(pause)
            self._under_way.discard(delivery_id)
        self._wake.set()


def now_plus(seconds: float) -> float:
    """Return the Unix time `seconds` from now."""
    return time.time() + seconds
