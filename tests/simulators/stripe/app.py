"""Puts the simulator together."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response

from tests.simulators.stripe import api, control, page
from tests.simulators.stripe.desk import API_VERSION, Desk
from tests.simulators.stripe.faults import Faults
from tests.simulators.stripe.state import State
from tests.simulators.stripe.webhooks import Postman

HEADER = "X-Simulator"
_SAYS = "Backstage's simulator of Stripe; no money moves"


@dataclass(frozen=True)
class Options:
    """Where webhooks go, how they are signed, and where the state is kept (nowhere, if None)."""

    webhook_url: str
    webhook_secret: str
    state: Path | None = None
    first_pause: float = 0.5
    """Seconds before the first repeat of a webhook; doubles each time, up to 30."""


def make_app(options: Options) -> FastAPI:
    """Return the simulator as an ASGI application."""
    state = State(options.state)
    postman = Postman(state, options.webhook_url, options.webhook_secret, options.first_pause)
    desk, faults = Desk(state, postman), Faults()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        postman.start()
        yield
        postman.stop()

    app = FastAPI(title="Simulator of Stripe", description=_SAYS, version=API_VERSION, lifespan=lifespan)
    app.include_router(api.make_router(desk, faults))
    app.include_router(page.make_router(desk))
    app.include_router(control.make_router(desk, faults))

    @app.middleware("http")
    async def say_so(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await answer(request)
        response.headers[HEADER] = _SAYS
        return response

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        with state.changing():
            desk.tick()
        return {"status": "ok", "simulates": "stripe"}

    @app.get("/")
    def front() -> HTMLResponse:
        return HTMLResponse(f"<h1>{_SAYS}</h1><p>It answers the calls Backstage makes, under /v1; see /docs.</p>")

    return app
