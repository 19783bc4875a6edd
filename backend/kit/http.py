"""Guards around every HTTP request, as plain ASGI: a trace id, a size limit, security headers."""

import time
from typing import Any

import orjson
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.kit import errors, logs

_log = logs.get("http")
_requests = Counter("backstage_http_requests", "HTTP requests by route and status", ("method", "route", "status"))
_seconds = Histogram("backstage_http_request_seconds", "Time to answer, seconds", ("method", "route"))


class TooLarge(errors.BusinessError):
    """The request body is larger than this takes."""

    code = "too_large"
    status = 413


class InternalError(errors.BusinessError):
    """Something broke on our side. It is logged under the trace id; nothing you sent was lost or half done."""

    code = "internal"
    status = 500


class CatchUnexpected:
    """Answers what nobody expected in the one error shape. Innermost, so that trace id and headers come along."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun = False

        async def send_watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_watched)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            _log.exception("unexpected_error", path=scope["path"], method=scope["method"], error=repr(error))
            await _refuse(send, InternalError())


class TraceRequests:
    """Gives each request a trace id, logs one line a request, and counts it."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand around `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(logs.TRACE_HEADER.lower().encode(), b"").decode("latin-1")
        started, status = time.perf_counter(), 500

        async def send_traced(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (logs.TRACE_HEADER.encode(), logs.trace_id().encode())]
            await send(message)

        with logs.trace(given):
            try:
                await self._app(scope, receive, send_traced)
            finally:
                took = time.perf_counter() - started
                # The route's template, never the raw path: paths carry ids, and label values must stay few.
                route = getattr(scope.get("route"), "path", "unmatched")
                _requests.labels(scope["method"], route, status).inc()
                _seconds.labels(scope["method"], route).observe(took)
                _log.info(
                    "request", method=scope["method"], path=scope["path"], status=status, ms=round(took * 1000, 1)
                )


class LimitBody:
    """Refuses bodies above `largest` bytes before they are read into memory, chunked ones included."""

    def __init__(self, app: ASGIApp, largest: int) -> None:
        """Stand around `app`."""
        self._app, self._largest = app, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._largest:
            await _refuse(send, TooLarge(largest_bytes=self._largest))
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return
            body += message.get("body", b"")
            if len(body) > self._largest:
                await _refuse(send, TooLarge(largest_bytes=self._largest))
                return
            if not message.get("more_body"):
                break
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def receive_whole() -> Message:
            nonlocal whole
            if whole is not None:
                given, whole = whole, None
                return given
            return await receive()

        await self._app(scope, receive_whole, send)


class SecurityHeaders:
    """Adds the headers a browser needs to be careful with what we send."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """Stand around `app`; `https` adds HSTS."""
        self._app = app
        self._headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
            (b"referrer-policy", b"no-referrer"),
            (b"cache-control", b"no-store"),
        ]
        if https:
            self._headers.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in self._headers if h[0] not in present)]
            await send(message)

        await self._app(scope, receive, send_guarded)


async def _refuse(send: Send, error: errors.BusinessError) -> None:
    body: Any = orjson.dumps(errors.render(error, logs.trace_id()))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
