"""Every route of the tickets capability, one file for each kind of thing."""

from fastapi import APIRouter

from backend.tickets import (
    admin_routes,
    claim_routes,
    collection_admin_routes,
    collection_routes,
    funds_routes,
    late_routes,
    payout_routes,
    purchase_routes,
    quote_routes,
    resale_rule_routes,
    send_routes,
    ticket_routes,
)

router = APIRouter()
for part in (
    collection_routes,
    quote_routes,
    payout_routes,
    purchase_routes,
    resale_rule_routes,
    ticket_routes,
    claim_routes,
    admin_routes,
    collection_admin_routes,
    funds_routes,
    late_routes,
    send_routes,
):
    router.include_router(part.router)
