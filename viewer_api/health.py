"""Whether the process lives, whether it can work, and its figures."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from storage.archive import Archive

router = APIRouter(tags=["Operations"])


@router.get("/health/live")
def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/health/ready")
def ready(request: Request) -> dict[str, str]:
    """Database and blob store answer; 503 with the reason if not."""
    archive: Archive = request.app.state.archive
    archive.database.check()
    archive.blobs.check()
    return {"status": "ready"}


@router.get("/metrics", response_class=PlainTextResponse)
def metrics() -> Response:
    """Figures in Prometheus' text form. They hold no patient data."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
