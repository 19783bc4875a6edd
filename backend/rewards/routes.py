"""Every route of the rewards capability."""

from fastapi import APIRouter

from backend.rewards import admin_routes, fan_routes

router = APIRouter()
for part in (fan_routes, admin_routes):
    router.include_router(part.router)
