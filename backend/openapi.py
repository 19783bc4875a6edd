"""How the API describes itself at /docs: our one error shape everywhere, and who may call each operation."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from backend.kit.errors import ErrorResponse

DESCRIPTION = """
Tickets are ERC-721 tokens; this API sells them, watches them and checks them at the door.

* **Sign in** with a wallet: `POST /v1/auth/siwe/nonce`, sign the message it returns, `POST /v1/auth/siwe/verify`; send
  the token as `Authorization: Bearer ...`. Guests order with an e-mail address and keep the order's secret for
  `X-Order-Secret`.
* **Money** is a whole number of the currency's smallest unit. **Times** are RFC 3339 in UTC. **Addresses** are
  EIP-55, networks are CAIP-2.
* **Errors** have one shape and a stable `code`; quote `trace_id` to support.
* The API never holds a fan's key: it returns typed data or a transaction, and the wallet signs exactly that.
"""


def routes_of(app: FastAPI) -> Iterator[APIRoute]:
    """Yield every route of the API, those of included routers too."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            yield context.original_route


def allowed_roles(route: APIRoute) -> frozenset[str] | None:
    """Return the roles a route declares through `accounts.access.allow`, or None when it declares nothing."""
    for dependency in route.dependant.dependencies:
        declared = getattr(dependency.call, "allowed", None)
        if declared is not None:
            return frozenset(str(role) for role in declared)
    return None


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document; built once."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
    )
    schemas = document["components"]["schemas"]
    error_schema = ErrorResponse.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(error_schema.pop("$defs", {}))
    schemas["ErrorResponse"] = error_schema
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["securitySchemes"] = {
        "session": {"type": "http", "scheme": "bearer"},
        "orderSecret": {"type": "apiKey", "in": "header", "name": "X-Order-Secret"},
    }
    for route in routes_of(app):
        if route.include_in_schema:
            for method in route.methods or ():
                _complete(document["paths"][route.path_format][method.lower()], allowed_roles(route) or frozenset())
    app.openapi_schema = document
    return document


def _complete(operation: dict[str, Any], roles: frozenset[str]) -> None:
    """Add what every operation answers: invalid requests, missing sessions, roles that may not."""
    answers = operation["responses"]
    if "422" in answers and "HTTPValidationError" in str(answers["422"]):
        del answers["422"]
    common = {"413": "`too_large`: the body is larger than 1 MB", "500": "`internal`: quote the trace id"}
    if "requestBody" in operation or operation.get("parameters"):
        common["422"] = "`invalid_request`: `details.errors` names each field"
    if "requestBody" in operation:
        common["400"] = "`invalid_request`: the body cannot be read at all"
    common["401"] = "`unauthenticated`: the session that was sent is no good"
    if roles and "PUBLIC" not in {role.upper() for role in roles}:
        common["401"] = "`unauthenticated`: sign in first"
        common["403"] = "`forbidden`: your role does not allow this"
        names = {role.upper() for role in roles}
        operation["security"] = [{"session": []}] if names - {"GUEST"} else []
        if "GUEST" in names:
            operation["security"].append({"orderSecret": []})
        operation["description"] = f"{operation.get('description', '')}\n\nRoles: {', '.join(sorted(names))}.".strip()
    for status, words in common.items():
        told = answers.setdefault(status, {"description": words})
        # What every operation answers comes on top of what this one says by itself.
        if words.partition(":")[0] not in told["description"]:
            told["description"] = f"{words}\n\n{told['description']}"
    for status, answer in answers.items():
        if int(status) >= 400:  # noqa: PLR2004 - errors begin here
            content = answer.setdefault("content", {}).setdefault("application/json", {})
            content["schema"] = {"$ref": "#/components/schemas/ErrorResponse"}
