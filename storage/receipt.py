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
    """What was done, for the answer on the wire. `blob_key` is where the index has these bytes: of what came before
    that is another blob than the one just kept."""

    outcome: Outcome
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    detail: str = ""
    blob_key: str = ""
    aside: Aside | None = None
