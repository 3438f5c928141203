"""The HTTP application, put together: one list of rooms, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI

from storage.archive import Archive
from viewer_api import api, docs, health, problems, webapp
from viewer_api.dicomweb import wado_uri
from viewer_api.dicomweb.router import dicomweb_router, straight_routes
from viewer_api.headers import SecurityHeaders
from viewer_api.limits import BodyLimit
from viewer_api.live import LiveFeed
from viewer_api.origins import RegisteredOrigins
from viewer_api.turns import Turns
from viewer_api.volume.cache import VolumeCache

WEB_DIST = Path(__file__).parent / "web" / "dist"
THREADS = 24
"""Handlers that work run in threads; more than this only queue on the processor."""


@dataclass(frozen=True)
class WebConfig:
    """What the application needs to know beside the archive."""

    web_dist: Path = WEB_DIST
    origins: tuple[str, ...] = ()
    """Whose pages may read from here, beside our own."""
    volume_bytes: int = 1 << 30
    """Voxels that are kept in memory: nearly two thousand CT slices."""


def create_app(archive: Archive, config: WebConfig | None = None) -> FastAPI:
    """The application over an opened archive. The caller closes the archive."""
    config = config or WebConfig()
    app = FastAPI(
        title="Farlight",
        summary="Remote image diagnosis: DICOMweb, the reading worklist, and reports.",
        lifespan=_lifespan,
        docs_url=None,
        openapi_url="/openapi.json",
        redoc_url=None,
    )
    app.state.archive = archive
    app.state.config = config
    app.state.live = LiveFeed(archive)
    app.state.volumes = VolumeCache(config.volume_bytes)
    problems.install(app)
    app.add_middleware(Turns)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    if config.origins:
        app.add_middleware(RegisteredOrigins, origins=config.origins)
    app.router.routes.insert(0, straight_routes())
    app.include_router(health.router)
    app.include_router(api.router, prefix="/api")
    app.include_router(dicomweb_router(), prefix="/dicom-web", tags=["DICOMweb"])
    app.include_router(dicomweb_router(), prefix="/sites/{site}/dicom-web", tags=["DICOMweb of one hospital"])
    app.include_router(wado_uri.router, tags=["DICOMweb"])
    docs.mount(app)
    webapp.mount(app, config.web_dist)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    live: LiveFeed = app.state.live
    task = asyncio.create_task(live.run())
    try:
        yield
    finally:
        live.stop()
        await task
