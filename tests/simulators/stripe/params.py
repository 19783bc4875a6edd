"""Which parameters each call takes. What the real Stripe would refuse, or we never send, is refused."""

import time
from typing import Any

from tests.simulators.stripe.errors import StripeRefusal
from tests.simulators.stripe.state import Json

# https://docs.stripe.com/payments/checkout/managing-limited-inventory: 30 minutes to 24 hours, give or take a clock.
_SHORTEST_LIFE, _LONGEST_LIFE, _CLOCK_SLACK = 30 * 60, 24 * 3600, 30
_DEFAULT_PAGE, _LARGEST_PAGE = 10, 100
_ISO_CODE_LENGTH = 3

_SESSION = {
    "mode", "line_items", "success_url", "cancel_url", "expires_at", "client_reference_id", "metadata",
    "payment_intent_data", "allowed_payment_method_types", "expand",
}  # fmt: skip
_REFUND = {"payment_intent", "amount", "reason", "metadata", "expand"}
_PAGING = {"limit", "starting_after", "expand"}


def only(params: Json, known: set[str], where: str = "") -> None:
    """Refuse parameters that are not `known`."""
    for name in params:
        if name not in known:
            raise StripeRefusal(400, f"Received unknown parameter: {where}{name}", code="parameter_unknown", param=name)


def need(params: Json, name: str, where: str = "") -> Any:
    """Return a required parameter."""
    if params.get(name) in (None, "", {}, []):
        raise StripeRefusal(
            400, f"Missing required param: {where}{name}.", code="parameter_missing", param=f"{where}{name}"
        )
    return params[name]


def whole(value: object, name: str, lowest: int = 0) -> int:
    """Return a whole number from a form, at least `lowest`."""
    text = str(value)
    if not text.isdecimal() or not text.isascii():
        raise StripeRefusal(400, f"Invalid integer: {text}", code="parameter_invalid_integer", param=name)
    if int(text) < lowest:
        raise StripeRefusal(400, f"{name} must be at least {lowest}", code="parameter_invalid_integer", param=name)
    return int(text)


def session(params: Json) -> Json:
    """Check the parameters of creating a Checkout Session and turn numbers into numbers."""
    if "payment_method_types" in params:
        # Gone since 2026-09-30: https://docs.stripe.com/changelog/endive.
        raise StripeRefusal(400, "payment_method_types is no longer supported", code="parameter_unknown")
    only(params, _SESSION)
    if need(params, "mode") != "payment":
        raise StripeRefusal(400, "This simulator knows mode=payment only", param="mode")
    need(params, "success_url")
    lines = need(params, "line_items")
    if not isinstance(lines, list):
        raise StripeRefusal(400, "Invalid array", param="line_items")
    checked = [_line(line, f"line_items[{index}]") for index, line in enumerate(lines)]
    if len({line["price_data"]["currency"] for line in checked}) != 1:
        raise StripeRefusal(400, "All line items must have the same currency", param="line_items")
    now = int(time.time())
    expires_at = whole(params.get("expires_at", now + _LONGEST_LIFE), "expires_at")
    if not now + _SHORTEST_LIFE - _CLOCK_SLACK <= expires_at <= now + _LONGEST_LIFE + _CLOCK_SLACK:
        raise StripeRefusal(
            400,
            "`expires_at` must be between 30 minutes and 24 hours from now.",
            param="expires_at",
        )
    return {**params, "line_items": checked, "expires_at": expires_at}


def _line(line: Any, where: str) -> Json:
    if not isinstance(line, dict):
        raise StripeRefusal(400, "Invalid object", param=where)
    only(line, {"quantity", "price_data"}, where)
    price = need(line, "price_data", where)
    only(price, {"currency", "unit_amount", "product_data"}, where)
    currency = need(price, "currency", where)
    if len(currency) != _ISO_CODE_LENGTH or not currency.isalpha() or currency != currency.lower():
        raise StripeRefusal(400, f"Invalid currency: {currency}", code="currency_invalid", param=f"{where}[currency]")
    product = need(price, "product_data", where)
    only(product, {"name"}, where)
    need(product, "name", where)
    return {
        "quantity": whole(need(line, "quantity", where), f"{where}[quantity]", 1),
        "price_data": {**price, "unit_amount": whole(need(price, "unit_amount", where), f"{where}[unit_amount]", 1)},
    }


def refund(params: Json) -> Json:
    """Check the parameters of creating a refund."""
    only(params, _REFUND)
    need(params, "payment_intent")
    if "amount" in params:
        return {**params, "amount": whole(params["amount"], "amount", 1)}
    return params


def page(params: Json, objects: list[Json], url: str, filters: set[str]) -> Json:
    """Return one page of `objects`, newest first, in Stripe's list shape; `filters` are equality on fields."""
    only(params, _PAGING | filters)
    limit = whole(params.get("limit", _DEFAULT_PAGE), "limit", 1)
    if limit > _LARGEST_PAGE:
        raise StripeRefusal(400, "limit must be at most 100", param="limit")
    wanted = {name: params[name] for name in filters if name in params}
    newest = [o for o in reversed(objects) if all(str(o.get(name)) == value for name, value in wanted.items())]
    after = params.get("starting_after")
    if after is not None:
        ids = [o["id"] for o in newest]
        if after not in ids:
            raise StripeRefusal(400, f"No such object: '{after}'", code="resource_missing", param="starting_after")
        newest = newest[ids.index(after) + 1 :]
    return {"object": "list", "url": url, "has_more": len(newest) > limit, "data": newest[:limit]}
