"""UIDs of report documents: a retry is the same object, a new version another."""

from __future__ import annotations

import uuid

from pydicom.uid import UID

_NAMESPACE = uuid.UUID("5f0c7d1e-6a3b-5c58-9d0f-2b8f0a1c4e77")


def document_uid(report_id: str, version: int, document_format: str) -> UID:
    """UID of one format (`sr`, `pdf`, …) of one version; PS3.5 B.2, a UUID under 2.25."""
    return _uid("document", report_id, str(version), document_format)


def document_series_uid(report_id: str, document_format: str) -> UID:
    """UID of the series that holds all versions of a report in one format."""
    return _uid("series", report_id, document_format)


def _uid(*parts: str) -> UID:
    # A separator that no identifier contains keeps ("a", "bc") apart from ("ab", "c").
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, chr(0).join(parts)).int}")
