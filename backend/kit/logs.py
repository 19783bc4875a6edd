"""Structured logs, one JSON object a line, with one trace id from the request through the job to the transaction."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import structlog

_trace: ContextVar[str] = ContextVar("trace_id", default="")

TRACE_HEADER = "X-Trace-Id"
_MAX_TRACE = 64


def trace_id() -> str:
    """Return the trace id in force, or an empty string outside of any."""
    return _trace.get()


def new_trace_id() -> str:
    """Return a fresh trace id: 32 hex digits, as in W3C Trace Context."""
    return uuid4().hex


@contextmanager
def trace(given: str | None = None) -> Iterator[str]:
    """Run the block under `given` (taken only when it is short and printable) or a new trace id."""
    usable = given and len(given) <= _MAX_TRACE and given.isascii() and given.replace("-", "").isalnum()
    value = given if given and usable else new_trace_id()
    token = _trace.set(value)
    try:
        yield value
    finally:
        _trace.reset(token)


def _add_trace(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if _trace.get():
        event.setdefault("trace_id", _trace.get())
    return event


def configure(level: str = "INFO") -> None:
    """Send every log line, ours and the libraries', to standard error as JSON."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # The access log repeats our own request line; httpx and the like are chatty at INFO.
    for name in ("uvicorn.access", "httpx", "httpcore", "urllib3", "web3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the structured logger called `name`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
