"""What a kind of error looks like to a DICOM peer, and what a peer's status means to us.

    kind          C-STORE   C-FIND    C-MOVE    N-ACTION
                  B.2-1     C.4-1     C.4-2     PS3.7 10.1.4
    Invalid       0xC000    0xA900    0xA900    0x0115   cannot understand; identifier or argument is wrong
    NotFound      0x0110    0xC000    0xC000    0x0112   processing failure, unable to process, no such instance
    Denied        0x0124    0x0124    0x0124    0x0124   refused: not authorized
    Conflict      0x0110    0xC000    0xC000    0x0110
    Unavailable   0xA700    0xA700    0xA702    0x0213   refused: out of resources; the sender tries again later
    Corrupt       0x0110    0xC000    0xC000    0x0110
    any other     0x0110    0xC000    0xC000    0x0110   a bug of ours, logged with its traceback

C-GET is like C-MOVE. An `Invalid` whose code is `MISMATCH` is 0xA900 for C-STORE too, and an error's `status` detail
says a narrower status. This is the DIMSE wire's only such table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from dicom_node.command import C_ECHO, C_FIND, C_GET, C_MOVE, C_STORE, N_ACTION, Command
from storage.errors import Conflict, Corrupt, Denied, Error, Invalid, NotFound, Unavailable

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
NO_SUCH_INSTANCE = 0x0112
INVALID_ARGUMENT = 0x0115
INVALID_OBJECT_INSTANCE = 0x0117
SOP_CLASS_NOT_SUPPORTED = 0x0122
NOT_AUTHORIZED = 0x0124
UNRECOGNIZED_OPERATION = 0x0211
RESOURCE_LIMITATION = 0x0213
OUT_OF_RESOURCES = 0xA700
UNABLE_TO_PERFORM_SUB_OPERATIONS = 0xA702
DATA_SET_DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000

_STORE = {
    Invalid: CANNOT_UNDERSTAND,
    NotFound: PROCESSING_FAILURE,
    Denied: NOT_AUTHORIZED,
    Conflict: PROCESSING_FAILURE,
    Unavailable: OUT_OF_RESOURCES,
    Corrupt: PROCESSING_FAILURE,
    Exception: PROCESSING_FAILURE,
}
_FIND = {
    Invalid: DATA_SET_DOES_NOT_MATCH,
    NotFound: CANNOT_UNDERSTAND,
    Denied: NOT_AUTHORIZED,
    Conflict: CANNOT_UNDERSTAND,
    Unavailable: OUT_OF_RESOURCES,
    Corrupt: CANNOT_UNDERSTAND,
    Exception: CANNOT_UNDERSTAND,
}
_MOVE = {**_FIND, Unavailable: UNABLE_TO_PERFORM_SUB_OPERATIONS}
_ACTION = {
    Invalid: INVALID_ARGUMENT,
    NotFound: NO_SUCH_INSTANCE,
    Denied: NOT_AUTHORIZED,
    Conflict: PROCESSING_FAILURE,
    Unavailable: RESOURCE_LIMITATION,
    Corrupt: PROCESSING_FAILURE,
    Exception: PROCESSING_FAILURE,
}
STATUSES: dict[int, dict[type[Exception], int]] = {
    C_STORE: _STORE,
    C_ECHO: _STORE,
    C_FIND: _FIND,
    C_MOVE: _MOVE,
    C_GET: _MOVE,
    N_ACTION: _ACTION,
}
"""By command field."""

MISMATCH = "SOP_CLASS_MISMATCH"
"""The `code` of an `Invalid` that says: command and data set name different objects."""

_COMMENT_LENGTH = 64  # (0000,0902) is LO
_TAG = re.compile(r"\(([0-9A-F]{4}),([0-9A-F]{4})\)")


def failure(error: Exception, field: int = C_STORE) -> Command:
    """The status elements of a failed request: Status, Error Comment and, where known, Offending Element."""
    table = STATUSES[field]
    if not isinstance(error, Error):
        return status_elements(table[Exception], "an error inside the receiver; it was logged")
    status = error.details.get("status")
    if not isinstance(status, int):
        is_mismatch = error.code == MISMATCH
        status = DATA_SET_DOES_NOT_MATCH if is_mismatch else table[type(error)]
    return status_elements(status, _told(error, field))


def _told(error: Error, field: int) -> str:
    """What is away is nobody's business but ours: its name and address stand in the log."""
    if not isinstance(error, Unavailable):
        return error.message
    if field == C_STORE:
        return "the archive cannot keep this now; send it again later"
    return "the archive cannot do this now; ask again later"


def status_elements(status: int, comment: str = "") -> Command:
    """Status (0000,0900) with its Error Comment (0000,0902) and the Offending Element (0000,0901) it names."""
    elements: Command = {"Status": status}
    if comment:
        elements["ErrorComment"] = _shortened(comment)
    if named := _TAG.search(comment):
        elements["OffendingElement"] = [int(named.group(1) + named.group(2), 16)]
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
