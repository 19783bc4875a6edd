"""The page /docs, served from here alone: it works without the internet, and tells nobody who reads it.

Swagger UI comes with the package `fastapi-offline`, which is locked like every other; nothing else of it is used.
"""

from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

_ASSETS = "/docs/assets"
# FastAPI writes the call that starts the page into it.
_INLINE = "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
_ONLY_OURS = f"default-src 'self'; {_INLINE}; img-src 'self' data:"


def add(app: FastAPI) -> None:
    """Serve the page and what it loads."""
    app.mount(_ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")))

    async def page(request: Request) -> Response:
        root = request.scope.get("root_path", "").rstrip("/")
        html = get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_ASSETS}/favicon.png",
            swagger_ui_parameters={"validatorUrl": None},  # or it would ask swagger.io about our description
        )
        html.headers["Content-Security-Policy"] = _ONLY_OURS
        return html

    app.add_route("/docs", page, include_in_schema=False)
