"""The page at a session's address, for people; it takes JSON from programs too."""

from html import escape
from typing import Annotated, Any
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.simulators.stripe.cards import Decline
from tests.simulators.stripe.desk import Desk
from tests.simulators.stripe.errors import StripeRefusal
from tests.simulators.stripe.state import Json

_HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Pay (simulated)</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px/1.5 system-ui;max-width:28rem;margin:3rem auto;padding:0 1rem}
.sim{background:#fff3c4;border:1px solid #c9a400;padding:.5rem 1rem}.no{color:#a40000}
input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin:.25rem 0}</style>
<p class="sim"><strong>This is a simulator, not Stripe.</strong> No money moves. Never type a real card number here.</p>
"""


async def _body(request: Request) -> bytes:
    return await request.body()


def _html(session: Json, message: str = "", status: int = 200) -> HTMLResponse:
    amount = f"{session['amount_total']} {escape(session['currency'].upper())} (in the smallest unit)"
    head = f"{_HEAD}<h1>{escape(session['_description'])}</h1><p>{amount}</p>"
    if message:
        head += f'<p class="no" role="alert">{escape(message)}</p>'
    if session["status"] != "open":
        return HTMLResponse(f"{head}<p>This session is {escape(session['status'])}.</p>", status)
    return HTMLResponse(
        f"""{head}<form method="post"><label>Test card <input name="card" inputmode="numeric"
value="4242424242424242" autocomplete="off"></label><button>Pay</button></form>
<p>4242&hellip; pays; 4000000000000002 is declined; 4000000000009995 has no funds.</p>""",
        status,
    )


def make_router(desk: Desk) -> APIRouter:
    """Return the page on `desk`."""
    router = APIRouter()
    state = desk.state

    @router.get("/pay/{session_id}")
    def look(session_id: str) -> Response:
        with state.changing():
            try:
                return _html(desk.find("sessions", session_id))
            except StripeRefusal as refusal:
                return JSONResponse(refusal.body(), refusal.status)

    @router.post("/pay/{session_id}")
    def pay(request: Request, session_id: str, raw: Annotated[bytes, Depends(_body)]) -> Response:
        is_json = request.headers.get("content-type", "").startswith("application/json")
        with state.changing():
            try:
                card = _card(raw, is_json=is_json)
                decline = desk.pay(session_id, card)
                session = desk.find("sessions", session_id)
            except StripeRefusal as refusal:
                return JSONResponse(refusal.body(), refusal.status)
            if decline is not None:
                return _declined(session, decline, is_json=is_json)
            if is_json:
                return JSONResponse({"status": session["status"], "redirect": session["success_url"]})
            return RedirectResponse(session["success_url"], 303)

    return router


def _declined(session: Json, decline: Decline, *, is_json: bool) -> Response:
    if not is_json:
        return _html(session, decline.message, 402)
    body = {
        "type": "card_error",
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
    }
    return JSONResponse({"error": body}, 402)


def _card(raw: bytes, *, is_json: bool) -> str:
    try:
        given: Any = orjson.loads(raw)["card"] if is_json else parse_qs(raw.decode())["card"][0]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise StripeRefusal(400, "Send `card`, a test card's number", param="card") from error
    return str(given)
