"""The six kinds of error, and no others.

    Error
    ├── Invalid       what came in is not what it says it is, or lacks what we need
    ├── NotFound      nothing here that this caller may see
    ├── Denied        known caller, not allowed
    ├── Conflict      allowed, but not in the present state
    ├── Unavailable   a part we depend on is away; the same call may succeed later
    └── Corrupt       bytes we hold are not what we wrote

One table per wire says what a kind looks like there: ``dicom_node/status.py`` and
``viewer_api/problems.py``. Any other exception is a bug of ours. Messages name tags, keywords, UIDs
and fields; never patient data.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Error(Exception):
    """Common root: a message, a narrow `code`, and the details that a client may act on."""

    default_code: ClassVar[str] = "BUG"

    def __init__(self, message: str, *, code: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = details


class Invalid(Error):
    """What came in is not what it says it is, or lacks what we need."""

    default_code = "INVALID"


class NotFound(Error):
    """Nothing here that this caller may see."""

    default_code = "NOT_FOUND"


class Denied(Error):
    """The caller is known and not allowed."""

    default_code = "DENIED"


class Conflict(Error):
    """Allowed, but not in the present state."""

    default_code = "CONFLICT"


class Unavailable(Error):
    """A part we depend on is away; the same call may succeed later."""

    default_code = "UNAVAILABLE"


class Corrupt(Error):
    """Bytes we hold are not what we wrote."""

    default_code = "CORRUPT"
