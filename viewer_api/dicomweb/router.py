"""The DICOMweb routes; one set of handlers serves `/dicom-web` and every `/sites/{site}/dicom-web`."""

from __future__ import annotations

from fastapi import APIRouter


def dicomweb_router() -> APIRouter:
    """A new router, to be mounted under a prefix that ends in ``/dicom-web``."""
    return APIRouter()
