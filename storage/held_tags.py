"""Which attributes are known of the rows of each level, and which of them are computed."""

from __future__ import annotations

from storage.held_studies import PATIENT_AND_STUDY_TAGS, SERIES_TAGS
from storage.query_keys import Level

COMPUTED = {
    Level.PATIENT: ("00201200", "00201202", "00201204"),
    Level.STUDY: ("00080061", "00080062", "00201206", "00201208"),
    Level.SERIES: ("00201209",),
}
"""By level: counts and lists."""
_PATIENT_TAGS = ("00100010", "00100020", "00100021", "00100030", "00100040")
_BY_LEVEL = (
    (Level.PATIENT, frozenset((*_PATIENT_TAGS, *COMPUTED[Level.PATIENT]))),
    (Level.STUDY, frozenset((*PATIENT_AND_STUDY_TAGS, *COMPUTED[Level.STUDY]))),
    (Level.SERIES, frozenset((*SERIES_TAGS, *COMPUTED[Level.SERIES]))),
)
COMPUTED_TAGS = frozenset(tag for tags in COMPUTED.values() for tag in tags)
"""All of them: they are answered, and not matched on where they are in no index."""


def held_tags(level: Level) -> frozenset[str]:
    """Tags that are known of every row of a level, those of the levels above included; instances know more."""
    known: frozenset[str] = frozenset()
    for one, tags in _BY_LEVEL:
        known |= tags
        if one is level:
            break
    return known


def is_known(tag: str, level: Level) -> bool:
    """Whether rows of this level can tell of it: of an instance there is the whole header."""
    return level is Level.INSTANCE or tag in held_tags(level)
