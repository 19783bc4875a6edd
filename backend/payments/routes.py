"""Every route of the payments capability."""

from fastapi import APIRouter

from backend.payments import admin_routes, webhook_routes

router = APIRouter()
for part in (webhook_routes, admin_routes):
    router.include_router(part.router)
