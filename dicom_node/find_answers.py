"""The identifiers of C-FIND responses (PS3.4 C.4.1.1.3.2): what was asked for, in UTF-8, and what only answers say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.valuerep import PersonName
from sqlalchemy import Connection, Row, func, select

from dicom_node.find_keys import FindKeys
from storage.blobs import BlobStore
from storage.json_model import JsonModel, header_dataset
from storage.query_answers import ALL, instance_answer, series_answer, study_answer
from storage.query_facts import SOP_CLASSES_IN_STUDY, sop_classes
from storage.query_keys import Level
from storage.stored_header import StoredHeader
from storage.tables import study

_EVERYTHING = frozenset({ALL})
_UNIQUE_KEYS = {
    Level.PATIENT: ("00100020",),
    Level.STUDY: ("0020000D",),
    Level.SERIES: ("0020000D", "0020000E"),
    Level.INSTANCE: ("0020000D", "0020000E", "00080018"),
}
_PLAIN_VRS = frozenset(
    ["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
_OF_HEADER = ("00080016", "00080018", "00200013")
_OF_PATIENT = ("00201200", "00201202", "00201204")
Facts = dict[int, JsonModel]
"""What was computed of each row, by row number."""


def held_model(row: Row[Any], keys: FindKeys, blobs: BlobStore) -> JsonModel:
    """Everything that is known of a row, at its level and above; of a header, what the keys name."""
    if keys.level is Level.PATIENT:
        return _patient(row)
    if keys.level is Level.STUDY:
        return study_answer(row, _EVERYTHING)
    if keys.level is Level.SERIES:
        return series_answer(row, _EVERYTHING, with_study=True)
    known = series_answer(row, _EVERYTHING, with_study=True)
    header = _header(row, keys, blobs) if keys.needs_headers else _from_columns(row)
    model = known | instance_answer(row, header, _EVERYTHING, with_study=True, with_series=True)
    return model | _private(model, keys)


def facts(connection: Connection, rows: Sequence[Row[Any]], keys: FindKeys) -> Facts:
    """What is computed for these rows: counts of patients, SOP classes of studies (PS3.4 C.3.4)."""
    found: Facts = {row.row: {} for row in rows}
    if keys.level is not Level.PATIENT and SOP_CLASSES_IN_STUDY in keys.wanted:
        classes = sop_classes(connection, {row.study for row in rows})
        for row in rows:
            found[row.row] |= {SOP_CLASSES_IN_STUDY: {"vr": "UI", "Value": classes.get(row.study, [])}}
    if not keys.wanted.keys().isdisjoint(_OF_PATIENT):
        counts = _patient_counts(connection, {_patient_of(row, keys) for row in rows})
        for row in rows:
            found[row.row] |= counts.get(_patient_of(row, keys), {})
    return found


def _patient_of(row: Row[Any], keys: FindKeys) -> int:
    number: int = row.row if keys.level is Level.PATIENT else row.patient
    return number


def _patient_counts(connection: Connection, patients: set[int]) -> Facts:
    query = (
        select(
            study.c.patient,
            func.count(),
            func.sum(study.c.number_of_study_related_series),
            func.sum(study.c.number_of_study_related_instances),
        )
        .where(study.c.patient.in_(sorted(patients)), study.c.rejected.is_(False))
        .group_by(study.c.patient)
    )
    return {
        row[0]: {
            tag: {"vr": "IS", "Value": [int(count)]} for tag, count in zip(_OF_PATIENT, row[1:], strict=True)
        }
        for row in connection.execute(query)
    }


def _patient(row: Row[Any]) -> JsonModel:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), row.patient_name.split("="), strict=False)
    name = {group: text for group, text in groups if text}
    plain = {
        "00100020": ("LO", row.patient_id),
        "00100021": ("LO", row.issuer),
        "00100030": ("DA", row.patient_birth_date),
        "00100040": ("CS", row.patient_sex),
    }
    model: JsonModel = {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in plain.items() if value}
    return model | {"00100010": {"vr": "PN", "Value": [name]}} if name else model


def _header(row: Row[Any], keys: FindKeys, blobs: BlobStore) -> JsonModel:
    """All of it where private attributes are asked for: which block they have is seen there."""
    stored = StoredHeader(*(getattr(row, name) for name in StoredHeader.__dataclass_fields__))
    return stored.header_json(blobs, None if keys.creators else {*keys.wanted, *keys.held, *_OF_HEADER})


def _from_columns(row: Row[Any]) -> JsonModel:
    plain = {
        "00080016": ("UI", row.sop_class_uid),
        "00080018": ("UI", row.sop_instance_uid),
        "00200013": ("IS", row.instance_number),
        "00280008": ("IS", row.number_of_frames),
        "00280010": ("US", row.rows),
        "00280011": ("US", row.columns),
    }
    return {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in plain.items() if value is not None}


def _private(model: JsonModel, keys: FindKeys) -> JsonModel:
    """Private attributes under the block that the query gave their creator, whatever it is here (PS3.5 7.8.1)."""
    found: JsonModel = {}
    for asked, creator in keys.creators.items():
        here = next(_blocks(model, asked[:4], creator), None)
        if here is not None:
            found |= {asked + tag[6:]: model[tag] for tag in model if tag.startswith(here)}
            found[f"{asked[:4]}00{asked[4:]}"] = {"vr": "LO", "Value": [creator]}
    return found


def _blocks(model: JsonModel, group: str, creator: str) -> Iterator[str]:
    for tag, element in model.items():
        if tag.startswith(f"{group}00") and creator in element.get("Value", ()):
            yield group + tag[6:]


# -- as a data set ---------------------------------------------------------------------------------


def answer(model: JsonModel, keys: FindKeys, ae_title: str) -> Dataset:
    """The identifier of one pending response. What is asked for and not known is there without a value."""
    picked = {tag: model.get(tag, {}) for tag in (*keys.wanted, *_UNIQUE_KEYS[keys.level])}
    identifier = Dataset()
    if not json.dumps(picked, ensure_ascii=False).isascii():
        identifier.SpecificCharacterSet = "ISO_IR 192"
    identifier.QueryRetrieveLevel = keys.name
    identifier.RetrieveAETitle = ae_title
    identifier.InstanceAvailability = "ONLINE"
    for tag, element in picked.items():
        identifier.add(_element(int(tag, 16), element, keys.wanted.get(tag, "UN")))
    return identifier


def _element(tag: int, held: Mapping[str, Any], asked_vr: str) -> DataElement:
    vr = held.get("vr") or asked_vr
    values = [value for value in held.get("Value", ()) if value is not None]
    if vr == "PN":
        values = [PersonName(_name(value)) for value in values]
    if (vr == "PN" or vr in _PLAIN_VRS) and values:
        return DataElement(tag, vr, values if len(values) > 1 else values[0])
    if "Value" in held or "InlineBinary" in held:
        known: DataElement = header_dataset({f"{tag:08X}": dict(held)})[tag]
        return known
    return DataElement(tag, vr, [] if vr == "SQ" else None)


def _name(value: Mapping[str, str]) -> str:
    return "=".join(value.get(g, "") for g in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
