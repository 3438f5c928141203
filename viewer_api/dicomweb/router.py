"""The DICOMweb routes; one set of handlers serves `/dicom-web` and every `/sites/{site}/dicom-web`."""

from __future__ import annotations

from fastapi import APIRouter

from viewer_api.dicomweb import (
    bulkdata,
    capabilities,
    frames,
    metadata,
    pixel_data,
    reject,
    rendered,
    retrieve,
    search,
    store,
    thumbnail,
    wado_uri,
)
from viewer_api.dicomweb.straight_routes import StraightRoutes
from viewer_api.dicomweb.volumes import routes as volumes

_ROOMS = (search, metadata, retrieve, frames, pixel_data, bulkdata, rendered, thumbnail, store)


def straight_routes() -> StraightRoutes:
    """A quicker way to those of these routes that are asked for often."""
    return StraightRoutes(route for each in _ROOMS for route in each.router.routes)


def dicomweb_router() -> APIRouter:
    """A new router, to be mounted under a prefix that ends in ``/dicom-web``."""
    router = APIRouter()
    for each in _ROOMS:
        router.include_router(each.router)
    router.include_router(volumes.router)
    router.include_router(reject.router)
    router.include_router(wado_uri.router)
    capabilities.declare(router)
    return router
