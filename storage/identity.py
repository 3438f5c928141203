"""Who and what an object is: UIDs and patients.

A patient is (site, issuer, PatientID), never a bare PatientID: two hospitals both have a patient 1001.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.errors import Invalid

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_UID_LENGTH = 64


@dataclass(frozen=True)
class PersonName:
    """The three component groups of a name, PS3.5 6.2.1.2; each keeps its ``^``."""

    alphabetic: str = ""
    ideographic: str = ""
    phonetic: str = ""

    @classmethod
    def parse(cls, text: str) -> PersonName:
        """From ``Alphabetic=Ideographic=Phonetic``."""
        groups = [group.rstrip("^ ") for group in text.split("=")] + ["", "", ""]
        return cls(groups[0], groups[1], groups[2])

    def __str__(self) -> str:
        return "=".join((self.alphabetic, self.ideographic, self.phonetic)).rstrip("=")


def required_uid(value: object, name: str) -> str:
    """A UID in its compared form (PS3.5 9.1), or `Invalid` naming the attribute.

    Leading zeros in a component are wrong and tolerated: such UIDs are in use and are unique all the same.
    """
    uid = str(value or "").strip(" \0")
    if not uid:
        raise Invalid(f"{name} is missing or empty")
    if len(uid) > MAX_UID_LENGTH or not _UID.fullmatch(uid):
        raise Invalid(f"{name} is not a UID: at most 64 characters, digits and dots only")
    return uid
