"""What a C-MOVE or C-GET asks for (PS3.4 C.4.2.2.1, C.4.3.2.1), and the instances of the caller's site that it names.

Row numbers of all of them are read at once, eight bytes each, so that the counts are true from the first response on
and what arrives meanwhile changes nothing; where their bytes lie is read page by page.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue
from sqlalchemy import ColumnElement, Select, select

from dicom_node.outgoing import Outgoing
from storage.database import Database
from storage.errors import Invalid
from storage.identity import required_uid
from storage.tables import instance, patient, series, study

MAX_KEYS = 10_000
"""Values of one unique key in an identifier."""
PAGE = 200

_LEVEL, _PATIENT_ID = "(0008,0052) QueryRetrieveLevel", "(0010,0020) PatientID"
_UID_KEYS = {
    "STUDY": ("StudyInstanceUID", "(0020,000D) StudyInstanceUID", study.c.study_instance_uid),
    "SERIES": ("SeriesInstanceUID", "(0020,000E) SeriesInstanceUID", series.c.series_instance_uid),
    "IMAGE": ("SOPInstanceUID", "(0008,0018) SOPInstanceUID", instance.c.sop_instance_uid),
}
_LEVELS = ("PATIENT", *_UID_KEYS)
_LEVELS_OF_MODEL = {
    "1.2.840.10008.5.1.4.1.2.1": _LEVELS,  # Patient Root
    "1.2.840.10008.5.1.4.1.2.2": _LEVELS[1:],  # Study Root
    "1.2.840.10008.5.1.4.1.2.3": _LEVELS[:2],  # Patient/Study Only, retired
}
"""By the SOP class without its last component, which is the verb (PS3.4 C.6)."""


@dataclass(frozen=True)
class Selection:
    """Instances in the order study, series, instance number; `kinds` are their (SOP class, transfer syntax), `studies`
    the UIDs of their studies."""

    rows: array[int]
    kinds: tuple[tuple[str, str], ...]
    studies: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.rows)


def select_instances(database: Database, site: str, model: str, identifier: Dataset | None) -> Selection:
    """The instances of `site` that the identifier names under the information model `model` (a SOP class).

    Raises `Invalid`, naming the attribute, for an identifier that cannot be understood.
    """
    where = [study.c.site == site, instance.c.rejection.is_(None), *_conditions(model, identifier)]
    kinds = _joined(select(instance.c.sop_class_uid, instance.c.transfer_syntax_uid)).where(*where).distinct()
    studies = _joined(select(study.c.study_instance_uid)).where(*where).distinct()
    with database.read() as connection:
        rows = array(
            "q", connection.execute(_ordered(_joined(select(instance.c.id)).where(*where))).scalars()
        )
        return Selection(
            rows,
            tuple(sorted((row[0], row[1]) for row in connection.execute(kinds))),
            tuple(sorted(connection.execute(studies).scalars())),
        )


def pages(database: Database, selection: Selection) -> Iterator[Outgoing]:
    """The selected instances; those that were deleted meanwhile are left out."""
    columns = [instance.c[name] for name in Outgoing.__dataclass_fields__]
    for start in range(0, len(selection), PAGE):
        wanted = list(selection.rows[start : start + PAGE])
        with database.read() as connection:
            query = select(instance.c.id, *columns).where(instance.c.id.in_(wanted))
            found = {row.id: Outgoing(*row[1:]) for row in connection.execute(query)}
        yield from (found[row] for row in wanted if row in found)


def _joined(query: Select[Any]) -> Select[Any]:
    held = instance.join(series, series.c.id == instance.c.series).join(study, study.c.id == series.c.study)
    return query.select_from(held)


def _ordered(query: Select[Any]) -> Select[Any]:
    return query.order_by(
        study.c.id,
        series.c.series_number.asc().nulls_last(),
        series.c.id,
        instance.c.instance_number.asc().nulls_last(),
        instance.c.id,
    )


def _conditions(model: str, identifier: Dataset | None) -> list[ColumnElement[bool]]:
    """The level's unique key must be there; those of higher levels narrow further where they are given."""
    if identifier is None:
        raise Invalid("the request brought no identifier")
    level = str(identifier.get("QueryRetrieveLevel") or "").strip().upper()
    if level not in _LEVELS_OF_MODEL.get(model.rpartition(".")[0], ()):
        raise Invalid(f"{_LEVEL} is missing or not one of this model's")
    conditions = _patient(identifier, required=level == "PATIENT")
    for above, (keyword, name, column) in _UID_KEYS.items():
        if _LEVELS.index(above) <= _LEVELS.index(level):
            conditions += _uids(identifier, keyword, name, column, required=above == level)
    return conditions


def _patient(identifier: Dataset, *, required: bool) -> list[ColumnElement[bool]]:
    wanted = str(identifier.get("PatientID") or "").strip(" \0")
    if not wanted:
        if required:
            raise Invalid(f"{_PATIENT_ID} is missing or empty")
        return []
    if any(each in wanted for each in "*?\\"):
        raise Invalid(f"{_PATIENT_ID} must be a single value")
    conditions = [patient.c.patient_id == wanted]
    if issuer := str(identifier.get("IssuerOfPatientID") or "").strip(" \0"):
        conditions.append(patient.c.issuer == issuer)
    return [study.c.patient.in_(select(patient.c.id).where(*conditions))]


def _uids(
    identifier: Dataset, keyword: str, name: str, column: ColumnElement[str], *, required: bool
) -> list[ColumnElement[bool]]:
    value = identifier.get(keyword)
    given = list(value) if isinstance(value, MultiValue | list) else [value] if value else []
    if not given and not required:
        return []
    if not given or len(given) > MAX_KEYS:
        raise Invalid(f"{name} " + ("has too many values" if given else "is missing or empty"))
    return [column.in_([required_uid(each, name) for each in given])]
