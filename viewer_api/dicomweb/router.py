"""The DICOMweb routes; one set of handlers serves `/dicom-web` and every `/sites/{site}/dicom-web`."""

from __future__ import annotations

from fastapi import APIRouter

from viewer_api.dicomweb import (
    bulkdata,
    capabilities,
    frames,
    metadata,
    pixel_data,
    rendered,
    retrieve,
    search,
    store,
    thumbnail,
)
from viewer_api.dicomweb.volumes import routes as volumes


def dicomweb_router() -> APIRouter:
    """A new router, to be mounted under a prefix that ends in ``/dicom-web``."""
    router = APIRouter()
    for each in (search, metadata, retrieve, frames, pixel_data, bulkdata, rendered, thumbnail, store):
        router.include_router(each.router)
    router.include_router(volumes.router)
    capabilities.declare(router)
    return router
