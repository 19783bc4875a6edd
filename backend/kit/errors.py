"""One shape for everything that is refused: a stable code, a status, words for a person.

A capability names its errors for what went wrong in the business and derives them from the bases here. The class
docstring is the message a person reads when the raiser gives none.
"""

from inspect import cleandoc
from typing import Any, ClassVar

from pydantic import BaseModel, Field


class BusinessError(Exception):
    """The request was refused."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(self, message: str | None = None, **details: Any) -> None:
        """Keep the words for the person and machine-readable `details`."""
        self.message = message or self.default_message()
        self.details = details
        super().__init__(self.message)

    @classmethod
    def default_message(cls) -> str:
        """Return the first paragraph of the class docstring on one line."""
        return " ".join(cleandoc(cls.__doc__ or "Refused.").split("\n\n")[0].split())


class Invalid(BusinessError):
    """The request is not valid."""

    code = "invalid"
    status = 422


class Unauthenticated(BusinessError):
    """Sign in first: the request carries no valid session."""

    code = "unauthenticated"
    status = 401


class Forbidden(BusinessError):
    """Your role does not allow this."""

    code = "forbidden"
    status = 403


class NotFound(BusinessError):
    """There is nothing here, or nothing you may see."""

    code = "not_found"
    status = 404


class Conflict(BusinessError):
    """The request does not fit the present state."""

    code = "conflict"
    status = 409


class TooMany(BusinessError):
    """Too many requests: wait a little and try again.

    `details.retry_after_seconds`, when the raiser knows it, becomes the Retry-After header (RFC 9110, section 10.2.3).
    """

    code = "too_many_requests"
    status = 429


class Unavailable(BusinessError):
    """Something this needs is not answering; try again shortly."""

    code = "unavailable"
    status = 503


class Retryable(Exception):
    """Mix-in: the same call may succeed later, so a job tries again instead of giving up."""


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable; programs decide by it", examples=["sold_out"])
    message: str = Field(description="For a person, in words that say what to do")
    details: dict[str, Any] = Field(default_factory=dict, description="Values that belong to the code")
    trace_id: str = Field(description="Quote it to support; the logs carry it")


class ErrorResponse(BaseModel):
    """The one JSON shape of every error."""

    error: ErrorBody


def render(error: BusinessError, trace_id: str) -> dict[str, Any]:
    """Return the JSON body of `error`."""
    return {
        "error": {"code": error.code, "message": error.message, "details": error.details, "trace_id": trace_id},
    }


def responses(*kinds: type[BusinessError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI `responses` of a route: one entry a status, one example a code."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = described.setdefault(
            kind.status,
            {"model": ErrorResponse, "description": "", "content": {"application/json": {"examples": {}}}},
        )
        words = f"`{kind.code}`: {kind.default_message()}"
        entry["description"] = f"{entry['description']}\n\n{words}".strip()
        entry["content"]["application/json"]["examples"][kind.code] = {
            "value": render(kind(), "4bf92f3577b34da6a3ce929d0e0e4736"),
        }
    return described
