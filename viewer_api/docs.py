"""The API's pages for people, with all their files from here: a hospital's network reaches no other host."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from swagger_ui_bundle import swagger_ui_path

from viewer_api.problems import described
from viewer_api.sessions import COOKIE

_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline'",  # FastAPI starts this page, and no other, by an inline script
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
    )
)


_EVERYWHERE = (400, 401, 403, 404, 409, 413, 503)
"""What every address may answer that asks who calls."""
_OPEN = ("/health", "/metrics")
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "a token of `farlight token create`"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "set by POST /api/session"},
}


def describe(app: FastAPI) -> None:
    """Let `/openapi.json` say what every address answers: its errors are problems, and none is a 422."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            schema.setdefault("components", {})["securitySchemes"] = _SECURITY
            schema["security"] = [{"bearer": []}, {"cookie": []}]
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    _complete(path, method, operation)
        return app.openapi_schema or {}

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    answers.pop("422", None)
    for status in _statuses(path, method):
        answers.setdefault(str(status), described(status))


def _statuses(path: str, method: str) -> tuple[int, ...]:
    if path.startswith(_OPEN):
        return (503,)
    if method == "post" and "/dicom-web" in path:
        return (*_EVERYWHERE, 202, 406, 415)  # of what was sent, some may not be kept
    return (*_EVERYWHERE, 429) if method == "post" else _EVERYWHERE


def mount(app: FastAPI) -> None:
    """Serve `/docs` over `/openapi.json`."""
    describe(app)
    app.mount("/docs/assets", StaticFiles(directory=swagger_ui_path), name="docs-assets")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Farlight API",
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )
        page.headers["content-security-policy"] = _POLICY
        return page
