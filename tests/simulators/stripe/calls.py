"""What every API call goes through: the key, the version, idempotency, trouble asked for, Stripe's error shape."""

import hashlib
import json
from collections.abc import Callable
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.responses import JSONResponse, Response

from tests.simulators.stripe import form
from tests.simulators.stripe.desk import API_VERSION
from tests.simulators.stripe.errors import StripeRefusal
from tests.simulators.stripe.faults import Faults
from tests.simulators.stripe.state import Json, State, new_id

Work = Callable[[Json], Json]
"""Parameters in, the object to answer with out; may raise StripeRefusal. Runs under the state's lock."""

_TEST_KEYS = ("sk_test_", "rk_test_")
_LIVE_KEYS = ("sk_live_", "rk_live_")


def _authorise(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise StripeRefusal(401, "You did not provide an API key.")
    if key.startswith(_LIVE_KEYS):
        raise StripeRefusal(401, "A live key was sent to a simulator. Keep it for api.stripe.com.")
    if not key.startswith(_TEST_KEYS):
        raise StripeRefusal(401, "Invalid API Key provided.")
    version = request.headers.get("stripe-version")
    if version != API_VERSION:
        raise StripeRefusal(400, f"This simulator speaks {API_VERSION}, not {version}", code="api_version_unsupported")


def _answer(status: int, body: Json, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body, status, {"Request-Id": new_id("req_"), "Stripe-Version": API_VERSION, **(headers or {})})


class Calls:
    """Carries out calls one at a time."""

    def __init__(self, state: State, faults: Faults) -> None:
        self._state, self._faults = state, faults

    def read(self, request: Request, work: Work) -> Response:
        """Answer a GET."""
        try:
            self._faults.before()
            _authorise(request)
            with self._state.changing():
                answer = work(form.decode(request.query_params.multi_items()))
        except StripeRefusal as refusal:
            return _answer(refusal.status, refusal.body())
        return _answer(200, answer)

    def write(self, request: Request, raw: bytes, work: Work) -> Response:
        """Answer a POST, once for each Idempotency-Key: https://docs.stripe.com/api/idempotent_requests."""
        try:
            self._faults.before()
            _authorise(request)
            pairs = parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw))
            with self._state.changing():
                body, is_replay = self._once(request, pairs, work)
        except StripeRefusal as refusal:
            return _answer(refusal.status, refusal.body())
        except ValueError:
            return _answer(400, StripeRefusal(400, "The body is not a form").body())
        if self._faults.after():
            return _answer(500, StripeRefusal(500, "The answer got lost", kind="api_error").body())
        return _answer(200, body, {"Idempotent-Replayed": "true"} if is_replay else None)

    def _once(self, request: Request, pairs: list[tuple[str, str]], work: Work) -> tuple[Json, bool]:
        key = request.headers.get("idempotency-key")
        contents = hashlib.sha256(json.dumps([request.url.path, sorted(pairs)]).encode()).hexdigest()
        kept = self._state["keys"].get(key) if key else None
        if kept is not None:
            if kept["contents"] != contents:
                raise StripeRefusal(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                    kind="idempotency_error",
                )
            answered: Json = kept["body"]
            return answered, True
        # Only what was carried out is kept; a request refused for its parameters may come again, corrected.
        body = work(form.decode(pairs))
        if key:
            self._state["keys"][key] = {"contents": contents, "body": body}
        return body, False
