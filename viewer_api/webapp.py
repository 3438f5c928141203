"""The web application's files: hashed assets for ever, the page itself always fresh."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response

from storage.errors import NotFound

IMMUTABLE = "public, max-age=31536000, immutable"
_NOT_PAGES = ("api/", "dicom-web/", "sites/", "fhir/", "health/", "metrics", "assets/")

mimetypes.add_type("application/wasm", ".wasm")
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("application/manifest+json", ".webmanifest")


def mount(app: FastAPI, dist: Path) -> None:
    """Serve `dist`; every address that is no file and no API is a page of the application."""

    @app.get("/{path:path}", include_in_schema=False)
    def page(request: Request, path: str) -> Response:
        if not (dist / "index.html").is_file():
            return PlainTextResponse("The web application is not built: run 'make setup'.", status_code=503)
        wanted = (dist / path).resolve()
        if path and wanted.is_file() and dist.resolve() in wanted.parents:
            return _file(request, wanted, path)
        if path.startswith(_NOT_PAGES) or "." in path.rpartition("/")[2]:
            raise NotFound(f"there is nothing at /{path}")
        return _file(request, dist / "index.html", "index.html")


def _file(request: Request, wanted: Path, path: str) -> Response:
    cache = IMMUTABLE if path.startswith("assets/") else "no-cache"
    headers = {"cache-control": cache, "vary": "accept-encoding"}
    media_type = mimetypes.guess_type(wanted.name)[0] or "application/octet-stream"
    squeezed = wanted.with_name(wanted.name + ".gz")
    if "gzip" in request.headers.get("accept-encoding", "") and squeezed.is_file():
        return FileResponse(squeezed, media_type=media_type, headers={**headers, "content-encoding": "gzip"})
    return FileResponse(wanted, media_type=media_type, headers=headers)
