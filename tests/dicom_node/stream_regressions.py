"""Streams that a fuzzer has found something with, by what was wrong: the smallest; the node aborts each."""

from __future__ import annotations

import struct

from dicom_node.negotiation import Proposal, propose

VERIFICATION, STUDY_FIND = "1.2.840.10008.1.1", "1.2.840.10008.5.1.4.1.2.2.1"


def stream(sop_class_uid: str, **numbers: int) -> bytes:
    """An association and one command set with these elements of two bytes, named by their tags, without data set."""
    begin = propose("KASHI_PACS", "FARLIGHT", [Proposal(sop_class_uid, ("1.2.840.10008.1.2",))])
    elements = {int(name[1:], 16): value for name, value in {**numbers, "x0800": 0x0101}.items()}
    command = b"".join(struct.pack("<HHLH", 0, tag, 2, value) for tag, value in sorted(elements.items()))
    item = struct.pack(">LBB", len(command) + 2, 1, 3) + command
    return begin + struct.pack(">BxL", 4, len(item)) + item


REGRESSIONS: dict[str, bytes] = {
    "a C-ECHO without MessageID": stream(VERIFICATION, x0100=0x0030),
    "a C-FIND without MessageID": stream(STUDY_FIND, x0100=0x0020),
    "a C-CANCEL of nothing": stream(STUDY_FIND, x0100=0x0FFF),
    "a response to nothing": stream(STUDY_FIND, x0100=0x8020, x0900=0),
    "a response without Status": stream(STUDY_FIND, x0100=0x8020, x0120=1),
}
