"""What our kinds of error look like in DIMSE, and what a peer's status means to us.

    kind          C-STORE status                          PS3.4 Table B.2-1, PS3.7 Annex C
    Invalid       0xC000  error: cannot understand        0xA900 if command and data set disagree
    NotFound      0x0110  processing failure
    Denied        0x0124  refused: not authorized
    Conflict      0x0110  processing failure
    Unavailable   0xA700  refused: out of resources       the sender tries again later
    Corrupt       0x0110  processing failure
    any other     0x0110  processing failure              a bug of ours, logged with its traceback

This is the DIMSE wire's only such table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pydicom import Dataset

from storage.errors import Conflict, Corrupt, Denied, Error, Invalid, NotFound, Unavailable

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
INVALID_OBJECT_INSTANCE = 0x0117
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORIZED = 0x0124
OUT_OF_RESOURCES = 0xA700
DATA_SET_DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

_STATUS_OF_KIND: dict[type[Error], int] = {
    Invalid: CANNOT_UNDERSTAND,
    NotFound: PROCESSING_FAILURE,
    Denied: NOT_AUTHORIZED,
    Conflict: PROCESSING_FAILURE,
    Unavailable: OUT_OF_RESOURCES,
    Corrupt: PROCESSING_FAILURE,
}

MISMATCH = "SOP_CLASS_MISMATCH"
"""The `code` of an `Invalid` that says: command and data set name different objects."""

_COMMENT_LENGTH = 64  # (0000,0902) is LO
_TAG = re.compile(r"\(([0-9A-F]{4}),([0-9A-F]{4})\)")


def failure(error: Exception) -> Dataset:
    """The status elements of a failed C-STORE: Status, Error Comment and, where known, Offending Element."""
    if not isinstance(error, Error):
        return status_elements(PROCESSING_FAILURE, "an error inside the receiver; it was logged")
    is_mismatch = error.code == MISMATCH
    status = DATA_SET_DOES_NOT_MATCH if is_mismatch else _STATUS_OF_KIND[type(error)]
    return status_elements(status, error.message)


def status_elements(status: int, comment: str = "") -> Dataset:
    """Status (0000,0900) with its Error Comment (0000,0902) and the Offending Element (0000,0901) it names."""
    elements = Dataset()
    elements.Status = status
    if comment:
        elements.ErrorComment = _shortened(comment)
    if named := _TAG.search(comment):
        elements.OffendingElement = [int(named.group(1) + named.group(2), 16)]
    return elements


def _shortened(comment: str) -> str:
    """Plain ASCII, without the backslash that separates values."""
    plain = comment.encode("ascii", "replace").decode().replace("\\", "/")
    return plain if len(plain) <= _COMMENT_LENGTH else plain[: _COMMENT_LENGTH - 3] + "..."


class Verdict(Enum):
    """What a peer's answer to our C-STORE means for a delivery."""

    DELIVERED = "delivered"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True)
class PeerStatus:
    """A peer's status in one plain sentence."""

    verdict: Verdict
    sentence: str


_PEER_MEANINGS = {
    PROCESSING_FAILURE: (Verdict.LATER, "processing failure"),
    INVALID_OBJECT_INSTANCE: (Verdict.NEVER, "invalid object instance"),
    SOP_CLASS_NOT_SUPPORTED: (Verdict.NEVER, "SOP class not supported"),
    NOT_AUTHORIZED: (Verdict.LATER, "not authorized"),
    0x0210: (Verdict.NEVER, "duplicate invocation"),
    0x0211: (Verdict.NEVER, "unrecognized operation"),
    0x0212: (Verdict.NEVER, "mistyped argument"),
    0x0213: (Verdict.LATER, "resource limitation"),
}


def read_peer_status(status: int) -> PeerStatus:
    """Read the status of a C-STORE response (PS3.4 Table B.2-1).

    A duplicate (0x0111) counts as delivered: what we repeat is the same object under the same UID. A peer's own
    Error Comment is not passed on: nobody knows what it may say about a patient.
    """
    if status in (SUCCESS, DUPLICATE_SOP_INSTANCE) or status >> 12 == 0xB:
        return PeerStatus(Verdict.DELIVERED, "")
    verdict, meaning = _meaning(status)
    return PeerStatus(verdict, f"the PACS refused: 0x{status:04X} {meaning}")


def _meaning(status: int) -> tuple[Verdict, str]:
    if status >> 8 == 0xA7:
        return Verdict.LATER, "out of resources"
    if status >> 8 == 0xA9:
        return Verdict.NEVER, "data set does not match SOP class"
    if status >> 12 == 0xC:
        return Verdict.NEVER, "cannot understand"
    return _PEER_MEANINGS.get(status, (Verdict.NEVER, "unknown status"))
