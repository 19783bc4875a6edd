"""The HTTP door: finds each capability's routes, renders errors in one shape, guards size and headers. Decides nothing.

Run: `uvicorn backend.api:app`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from backend import attention, discovery, docs_page, openapi, operations
from backend.kit import broker, db, errors, logs, nudges
from backend.kit.http import CatchUnexpected, LimitBody, SecurityHeaders, TraceRequests
from backend.settings import get_settings

_LARGEST_BODY_BYTES = 1_000_000


class InvalidRequest(errors.Invalid):
    """The request does not have the form this operation takes; `details.errors` names each field."""

    code = "invalid_request"


class NoSuchRoute(errors.NotFound):
    """There is no such address here: see /docs."""

    code = "no_such_route"


class MethodNotAllowed(errors.BusinessError):
    """The address does not take that method: see /docs."""

    code = "method_not_allowed"
    status = 405


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    settings = get_settings()
    logs.configure(settings.log_level)
    db.configure(settings.database_url)
    nudges.use(broker.Sender(broker.connect(settings.redis_url)))
    yield
    db.engine().dispose()


async def _without_nul(request: Request) -> None:
    """Refuse a NUL character in an address: no text in Postgres can have one, so nothing here is called that.

    Raises InvalidRequest.
    """
    given = [("path", name, str(value)) for name, value in request.path_params.items()]
    given += [("query", name, value) for name, value in request.query_params.multi_items()]
    found = [
        {"field": f"{place}.{name}", "problem": "has a NUL character"}
        for place, name, value in given
        if "\0" in name or "\0" in value
    ]
    if found:
        raise InvalidRequest(errors=found)


def _respond(error: errors.BusinessError) -> JSONResponse:
    headers = {"Retry-After": str(error.details.get("retry_after_seconds", 1))} if error.status in {429, 503} else {}
    if error.status == 401:  # noqa: PLR2004 - RFC 9110 wants the scheme with each 401
        headers["WWW-Authenticate"] = "Bearer"
    body = jsonable_encoder(errors.render(error, logs.trace_id()))
    return JSONResponse(body, error.status, headers)


def _business_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.BusinessError)  # noqa: S101 - registered for this class only
    return _respond(error)


def _invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    # The offending value is left out: it may be a secret, or ten megabytes.
    found = [{"field": ".".join(str(part) for part in e["loc"]), "problem": e["msg"]} for e in error.errors()[:20]]
    return _respond(InvalidRequest(errors=found))


def _http_exception(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    kinds: dict[int, type[errors.BusinessError]] = {404: NoSuchRoute, 405: MethodNotAllowed}
    kind = kinds.get(error.status_code)
    if kind is None:
        response = _respond(InvalidRequest(str(error.detail)))
        response.status_code = error.status_code
        return response
    return _respond(kind())


def make_app() -> FastAPI:
    """Return the API with every capability's routes."""
    try:
        release = version("backstage")
    except PackageNotFoundError:  # run from the checkout, which is not an installed distribution
        release = "0.1.0"
    app = FastAPI(
        title="Backstage",
        version=release,
        summary="NFT ticketing that works at a real door",
        description=openapi.DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(_without_nul)],
    )
    docs_page.add(app)
    discovery.check_settings()
    for module in discovery.load("models", "reactions", "routes", "gauges", "alarms"):
        if hasattr(module, "router"):
            app.include_router(module.router)
    app.include_router(operations.router)
    app.include_router(attention.router)
    app.add_exception_handler(errors.BusinessError, _business_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    # The last one added stands outermost.
    app.add_middleware(CatchUnexpected)
    app.add_middleware(LimitBody, largest=_LARGEST_BODY_BYTES)
    app.add_middleware(SecurityHeaders, https=get_settings().is_production)
    app.add_middleware(TraceRequests)
    app.openapi = lambda: openapi.describe(app)  # type: ignore[method-assign]
    return app


def __getattr__(name: str) -> Any:
    """Make the app when a server asks for `backend.api:app`, not when a test imports this module."""
    if name == "app":
        return make_app()
    raise AttributeError(name)
