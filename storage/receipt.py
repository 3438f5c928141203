"""What became of an instance that was brought to the one door."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What became of an instance. All three mean: it is safe with us."""

    STORED = "STORED"
    DUPLICATE = "DUPLICATE"
    HELD_ASIDE = "HELD_ASIDE"


class Aside(StrEnum):
    """Why an instance was held aside."""

    OTHER_CONTENT = "OTHER_CONTENT"
    OTHER_PATIENT = "OTHER_PATIENT"
    OTHER_SERIES = "OTHER_SERIES"


@dataclass(frozen=True)
class Receipt:
    """What was done, for the answer on the wire. `blob_key` and `blob_offset` are where the index has these bytes;
    `names_kept` tells whether they are those just kept, or others that came before."""

    outcome: Outcome
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    detail: str = ""
    blob_key: str = ""
    blob_offset: int = 0
    names_kept: bool = True
    aside: Aside | None = None
