"""Every route of the resale capability, one file for each kind of thing."""

from fastapi import APIRouter

from backend.resale import buyback_routes, credit_routes, line_routes, listing_routes, offer_routes, tree_routes

router = APIRouter()
for part in (listing_routes, tree_routes, offer_routes, buyback_routes, line_routes, credit_routes):
    router.include_router(part.router)
