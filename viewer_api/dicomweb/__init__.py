"""DICOMweb (PS3.18): QIDO-RS and WADO-RS."""

from viewer_api.dicomweb.router import dicomweb_router

__all__ = ["dicomweb_router"]
