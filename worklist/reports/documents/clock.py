"""Times as a report states them: in its own zone, with the offset named."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from storage.errors import Invalid


def local(at: datetime, timezone: str) -> datetime:
    """`at` (aware) in an IANA zone. Raises `Invalid` for a zone that does not exist or a naive time."""
    if at.tzinfo is None:
        raise Invalid("a time in a report must name its offset", code="TIME_WITHOUT_OFFSET")
    try:
        return at.astimezone(ZoneInfo(timezone))
    except (KeyError, ValueError, OSError) as error:
        raise Invalid(f"no such time zone: {timezone}", code="TIMEZONE_UNKNOWN") from error


def local_minute(at: datetime, timezone: str) -> str:
    """To the minute for people: `2026-11-22 20:03 UTC+08:00`."""
    there = local(at, timezone)
    offset = f"{there:%z}"
    return f"{there:%Y-%m-%d %H:%M} UTC{offset[:3]}:{offset[3:5]}"


def dicom_date_time(at: datetime, timezone: str) -> str:
    """A DICOM DT with its offset (PS3.5 6.2): `20261122200305+0800`."""
    return f"{local(at, timezone):%Y%m%d%H%M%S%z}"
