"""Errors in Stripe's shape: https://docs.stripe.com/api/errors."""

from typing import Any


class StripeRefusal(Exception):
    """An answer other than 200, with Stripe's type, code and parameter."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.code, self.param = status, message, kind, code, param

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        given = {"type": self.kind, "message": self.message, "code": self.code, "param": self.param}
        return {"error": {name: value for name, value in given.items() if value is not None}}


def missing(kind: str, object_id: str) -> StripeRefusal:
    """Return the refusal for an object that does not exist."""
    return StripeRefusal(404, f"No such {kind}: '{object_id}'", code="resource_missing", param="id")
