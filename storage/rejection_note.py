"""Rejection notes (IHE Imaging Object Change Management): Key Object Selection documents that say why instances are
not to be used (PS3.3 A.35.4, PS3.16 TID 2010 with a title of CID 7011).

Those of others are read; our own are written for a person who rejects by hand, and for one who takes that back, for
which no title is standardized. A document of ours is kept like any other: an index that is made anew from the blobs
knows what is rejected.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydicom import Dataset, dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from storage.header import KEY_OBJECTS, Header
from storage.json_model import JsonModel, header_dataset

REASONS = {
    "113001": "Rejected for Quality Reasons",
    "113037": "Rejected for Patient Safety Reasons",
    "113038": "Incorrect Modality Worklist Entry",
    "113039": "Data Retention Policy Expired",
}
"""Titles that reject, of the scheme ``DCM`` (PS3.16 CID 7011), with their meanings."""
RESTORED = "RESTORED"
_OWN_SCHEME = "99FARLIGHT"
_TITLE, _EVIDENCE, _CONTENT = "0040A043", "0040A375", "0040A730"
_MAX_REASON = 1024


@dataclass(frozen=True)
class Reference:
    """One instance that a note names."""

    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class RejectionNote:
    """What a note says: `code` is one of `REASONS`, or `RESTORED`; `instances` are SOP Instance UIDs by the
    StudyInstanceUID in whose evidence they stand; `reason` is its text."""

    code: str
    reason: str
    instances: Mapping[str, frozenset[str]]


# -- reading ---------------------------------------------------------------------------------------


def read_note(header: Header, *, own: bool) -> RejectionNote | None:
    """None for everything that is no rejection note. Only our `own` documents restore."""
    if header.sop_class_uid != KEY_OBJECTS:
        return None
    model = header.attributes((_TITLE, _EVIDENCE, _CONTENT))
    code = next(_codes(model, own=own), None)
    if code is None:
        return None
    found: dict[str, set[str]] = {}
    for of_study in _items(model, _EVIDENCE):
        uids = {
            _text(reference, "00081155")
            for of_series in _items(of_study, "00081115")
            for reference in _items(of_series, "00081199")
        }
        found.setdefault(_text(of_study, "0020000D"), set()).update(uids - {""})
    return RejectionNote(code, _reason(model), {uid: frozenset(uids) for uid, uids in found.items() if uid})


def _codes(model: JsonModel, *, own: bool) -> Iterator[str]:
    for item in _items(model, _TITLE):
        code, scheme = _text(item, "00080100"), _text(item, "00080102")
        if (scheme == "DCM" and code in REASONS) or (own and (scheme, code) == (_OWN_SCHEME, RESTORED)):
            yield code


def _reason(model: JsonModel) -> str:
    texts = (_text(item, "0040A160") for item in _items(model, _CONTENT) if _text(item, "0040A040") == "TEXT")
    return next(texts, "")[:_MAX_REASON]


def _items(model: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    element = model.get(tag, {})
    return (
        [item for item in element.get("Value", ()) if isinstance(item, dict)]
        if element.get("vr") == "SQ"
        else []
    )


def _text(model: Mapping[str, Any], tag: str) -> str:
    values = model.get(tag, {}).get("Value") or [""]
    return values[0].strip() if isinstance(values[0], str) else ""


# -- writing ---------------------------------------------------------------------------------------


def write_note(
    study: JsonModel, references: Iterable[Reference], code: str, reason: str, at: datetime
) -> tuple[bytes, str]:
    """A note of ours on instances of one study, whose patient and study attributes are given; the encoded data set
    and its transfer syntax."""
    note = header_dataset(study)
    note.SpecificCharacterSet = "ISO_IR 192"
    note.SOPClassUID, note.SOPInstanceUID = KEY_OBJECTS, generate_uid(prefix=None)
    note.SeriesInstanceUID, note.SeriesNumber, note.InstanceNumber = generate_uid(prefix=None), None, 1
    note.Modality, note.SeriesDescription, note.Manufacturer = "KO", "Rejection note", "Farlight"
    note.ReferencedPerformedProcedureStepSequence = Sequence()
    note.ContentDate, note.ContentTime = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    note.ValueType, note.ContinuityOfContent = "CONTAINER", "SEPARATE"
    scheme, meaning = ("DCM", REASONS[code]) if code in REASONS else (_OWN_SCHEME, "Rejection taken back")
    note.ConceptNameCodeSequence = Sequence([_code(code, scheme, meaning)])
    note.ContentTemplateSequence = Sequence([_template()])
    listed = list(references)
    note.CurrentRequestedProcedureEvidenceSequence = Sequence([_evidence(note.StudyInstanceUID, listed)])
    note.ContentSequence = Sequence([*_description(reason), *(_image(one) for one in listed)])
    out = io.BytesIO()
    dcmwrite(out, note, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return out.getvalue(), str(ExplicitVRLittleEndian)


def _evidence(study_instance_uid: str, references: list[Reference]) -> Dataset:
    by_series: dict[str, list[Reference]] = {}
    for one in references:
        by_series.setdefault(one.series_instance_uid, []).append(one)
    item = Dataset()
    item.StudyInstanceUID = study_instance_uid
    item.ReferencedSeriesSequence = Sequence(_series(uid, some) for uid, some in by_series.items())
    return item


def _series(series_instance_uid: str, references: list[Reference]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = series_instance_uid
    item.ReferencedSOPSequence = Sequence(map(_reference, references))
    return item


def _reference(one: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class_uid, one.sop_instance_uid
    return item


def _image(one: Reference) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "COMPOSITE"
    item.ReferencedSOPSequence = Sequence([_reference(one)])
    return item


def _description(reason: str) -> Iterator[Dataset]:
    if reason:
        item = Dataset()
        item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
        item.ConceptNameCodeSequence = Sequence([_code("113012", "DCM", "Key Object Description")])
        item.TextValue = reason[:_MAX_REASON]
        yield item


def _template() -> Dataset:
    item = Dataset()
    item.MappingResource, item.TemplateIdentifier = "DCMR", "2010"
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
