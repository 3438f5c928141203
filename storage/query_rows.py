"""Reading the rows that a search answers, once their numbers are found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from storage.query_keys import Level
from storage.stored_header import HEADER_COLUMNS
from storage.tables import instance, patient, series, study

_LOADED_AT_ONCE = 1000
"""Rows by one statement: a database takes a bounded number of parameters."""


def load(
    connection: Connection, level: Level, rows: Sequence[int], *, headers: bool = True
) -> list[Row[Any]]:
    """What is answered of these rows, in their order. Of instances with `headers` or without."""
    found: dict[int, Row[Any]] = {}
    statement = _columns(level, headers)
    for start in range(0, len(rows), _LOADED_AT_ONCE):
        numbers = {"numbers": rows[start : start + _LOADED_AT_ONCE]}
        found |= {row.row: row for row in connection.execute(statement, numbers)}
    return [found[row] for row in rows if row in found]


_ROW = {
    Level.PATIENT: patient.c.id,
    Level.STUDY: study.c.id,
    Level.SERIES: series.c.id,
    Level.INSTANCE: instance.c.id,
}
_PATIENT_COLUMNS = (
    patient.c.site,
    patient.c.patient_name,
    patient.c.patient_id,
    patient.c.issuer,
    patient.c.patient_birth_date,
    patient.c.patient_sex,
)
_STUDY_COLUMNS = (
    study.c.site,
    study.c.patient,
    study.c.id.label("study"),
    study.c.study_instance_uid,
    study.c.modalities_in_study,
    study.c.number_of_study_related_series,
    study.c.number_of_study_related_instances,
    study.c.attributes.label("study_attributes"),
)
_SERIES_COLUMNS = (
    series.c.series_instance_uid,
    series.c.number_of_series_related_instances,
    series.c.attributes.label("series_attributes"),
)
_INSTANCE_COLUMNS = (
    instance.c.sop_instance_uid,
    instance.c.sop_class_uid,
    instance.c.instance_number,
    instance.c.rows,
    instance.c.columns,
    instance.c.number_of_frames,
)


@cache
def _columns(level: Level, headers: bool) -> Select[Any]:
    """For the rows of the parameter ``numbers``; the statement is made once."""
    row = _ROW[level]
    wanted = row.in_(bindparam("numbers", expanding=True))
    if level is Level.PATIENT:
        return select(row.label("row"), *_PATIENT_COLUMNS).where(wanted)
    if level is Level.STUDY:
        return select(row.label("row"), *_STUDY_COLUMNS).where(wanted)
    if level is Level.SERIES:
        columns = select(row.label("row"), *_STUDY_COLUMNS, *_SERIES_COLUMNS)
        return columns.join_from(study, series, series.c.study == study.c.id).where(wanted)
    header = HEADER_COLUMNS if headers else (instance.c.transfer_syntax_uid,)
    columns = select(row.label("row"), *_STUDY_COLUMNS, *_SERIES_COLUMNS, *_INSTANCE_COLUMNS, *header)
    joined = columns.join_from(study, series, series.c.study == study.c.id)
    return joined.join(instance, instance.c.series == series.c.id).where(wanted)
