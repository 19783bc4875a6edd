"""Where providers knock."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from backend.accounts.access import Principal, Role, allow
from backend.kit import errors
from backend.kit.clock import NowDep
from backend.kit.db import SessionDep
from backend.payments import inbox, registry
from backend.payments.port import BadMessage, BadSignature

router = APIRouter(prefix="/v1/webhooks", tags=["payments"])

_EXAMPLE = {
    "id": "evt_1QxExample",
    "object": "event",
    "api_version": "2026-10-28.endive",
    "created": 1780315200,
    "livemode": False,
    "type": "checkout.session.completed",
    "data": {"object": {"id": "cs_test_a1Example", "object": "checkout.session", "payment_status": "paid"}},
}


class Acknowledged(BaseModel):
    """The message is kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "stored"}, {"status": "known"}]})

    status: Literal["stored", "known"]
    """`known`: it was here before, and nothing happens twice."""


async def _raw_body(request: Request) -> bytes:
    """Return the bytes as they came: the signature is over them, not over what a parser makes of them.

    The one async function here: Starlette gives the body no other way. Its size is limited before it gets here.
    """
    return await request.body()


@router.post(
    "/stripe",
    summary="Stripe's messages",
    responses=errors.responses(BadSignature, BadMessage),
    openapi_extra={
        "parameters": [
            {
                "name": "Stripe-Signature",
                "in": "header",
                "required": True,
                "description": "`t=<Unix seconds>,v1=<HMAC-SHA256 of t.body>`, at most 300 seconds old",
                "schema": {"type": "string", "example": "t=1780315200,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e7..."},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}, "example": _EXAMPLE}},
        },
    },
)
def receive_stripe(
    request: Request,
    raw: Annotated[bytes, Depends(_raw_body)],
    session: SessionDep,
    now: NowDep,
    _principal: Annotated[Principal | None, allow(Role.PUBLIC)],
) -> Acknowledged:
    """Check the signature over the raw bytes, keep the message once, answer when it is committed.

    What it says is not believed: a task fetches the object from Stripe. Sent again, it changes nothing.
    """
    incoming = registry.get("stripe").read_webhook(raw, request.headers)
    return Acknowledged(status="stored" if inbox.store(session, "stripe", incoming, now) else "known")
