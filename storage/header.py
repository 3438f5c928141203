"""What one instance says of itself: read before its pixels, tolerant of everything that is not indexed."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

import pydicom.config
from pydicom import Dataset
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.errors import Invalid
from storage.frames import PixelLayout, PixelShape, encapsulated_layout, native_layout
from storage.identity import PersonName, required_uid
from storage.json_model import to_json
from storage.structure import Buffer, Encoding, Structure, tag_name, walk
from storage.text import Charset, choose_charset, without_escapes

# Other people's files break value rules; we keep their bytes and index what can be read.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

MAX_INFLATED = 1 << 30
"""A deflated data set may unfold to this many bytes, no more (a bomb unfolds 1:1000)."""
_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})


@dataclass(frozen=True)
class Header:
    """An instance as the index sees it. Texts are decoded; what was absent is empty, 0 or None."""

    patient_id: str
    issuer_of_patient_id: str
    patient_name: PersonName
    patient_birth_date: str
    patient_sex: str
    charset_suspect: bool
    study_instance_uid: str
    study_date: str
    study_time: str
    accession_number: str
    study_id: str
    study_description: str
    referring_physician_name: str
    series_instance_uid: str
    modality: str
    series_number: int | None
    series_description: str
    body_part_examined: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    instance_number: int | None
    rows: int | None
    columns: int | None
    number_of_frames: int
    layout: PixelLayout | None
    json: dict[str, Any]
    """All attributes but the pixels in the DICOM JSON model (PS3.18 Annex F)."""


def read_header(
    buffer: Buffer, dataset_offset: int, transfer_syntax_uid: str, node_charset: str = ""
) -> Header:
    """Read the data set at `dataset_offset`.

    Raises `Invalid`, naming the attribute, for a broken structure or an identifier that is missing or malformed.
    """
    encoding = Encoding.of(transfer_syntax_uid)
    if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        buffer, dataset_offset = inflate(buffer, dataset_offset), 0
    structure = walk(buffer, dataset_offset, encoding)
    dataset, charset = _decode(buffer, dataset_offset, structure, encoding, node_charset)
    return _describe(dataset, charset, transfer_syntax_uid, buffer, structure)


def decode_header(dataset: Buffer, transfer_syntax_uid: str, node_charset: str = "") -> Dataset:
    """Everything before the pixels as pydicom reads it; (0008,0005) is the set that reads the texts right."""
    encoding = Encoding.of(transfer_syntax_uid)
    structure = walk(dataset, 0, encoding)
    return _decode(dataset, 0, structure, encoding, node_charset)[0]


def inflate(buffer: Buffer, start: int) -> bytes:
    """The data set inside a deflated one (PS3.5 A.5). Raises `Invalid` beyond `MAX_INFLATED`."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(bytes(buffer[start:]), MAX_INFLATED)
    except zlib.error as why:
        raise Invalid(f"the deflated data set cannot be inflated: {why}") from why
    if inflater.unconsumed_tail:
        raise Invalid(f"the deflated data set unfolds to more than {MAX_INFLATED >> 20} MiB")
    if not inflater.eof:
        raise Invalid("the deflated data set is truncated")
    return data


def _decode(
    buffer: Buffer, start: int, structure: Structure, encoding: Encoding, node_charset: str
) -> tuple[Dataset, Charset]:
    stream = BytesIO(bytes(buffer[start : structure.header_end]))
    try:
        dataset = read_dataset(stream, encoding.implicit_vr, encoding.little_endian)
    except Exception as why:  # pydicom raises many kinds here; each means the same to a sender
        raise Invalid(f"the data set cannot be read: {type(why).__name__}: {why}") from why
    charset = choose_charset(_declared(dataset), node_charset, _text_samples(dataset))
    dataset.add_new(0x00080005, "CS", list(charset.terms))
    encodings = pydicom.charset.convert_encodings(list(charset.terms))
    dataset.set_original_encoding(encoding.implicit_vr, encoding.little_endian, encodings)
    return dataset, charset


def _declared(dataset: Dataset) -> list[str]:
    if 0x00080005 not in dataset:
        return []
    raw: Any = dataset.get_item(0x00080005).value
    text: str = raw.decode("ascii", "replace") if isinstance(raw, bytes) else "\\".join(_strings(raw))
    return text.strip(" \0").split("\\")


def _strings(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value or []]


def _text_samples(dataset: Dataset) -> list[bytes]:
    """The raw bytes of top-level text values."""
    samples = []
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset decodes it; its keys do not
        element: object = dataset.get_item(tag)
        if isinstance(element, RawDataElement) and element.value and _is_text(element):
            samples.append(bytes(element.value))
    return samples


def _is_text(element: RawDataElement) -> bool:
    vr: str | None = element.VR
    if vr is None:
        entry = DicomDictionary.get(element.tag)
        vr = entry[0] if entry else "UN"
    return vr in _TEXT_VRS


def _describe(
    dataset: Dataset, charset: Charset, transfer_syntax_uid: str, buffer: Buffer, structure: Structure
) -> Header:
    frames = max(1, _integer(dataset, "NumberOfFrames") or 1)
    return Header(
        patient_id=_text(dataset, "PatientID"),
        issuer_of_patient_id=_text(dataset, "IssuerOfPatientID"),
        patient_name=PersonName.parse(_text(dataset, "PatientName")),
        patient_birth_date=_date(dataset, "PatientBirthDate"),
        patient_sex=_text(dataset, "PatientSex")[:16],
        charset_suspect=charset.suspect,
        study_instance_uid=_uid(dataset, 0x0020000D),
        study_date=_date(dataset, "StudyDate"),
        study_time=_text(dataset, "StudyTime")[:16],
        accession_number=_text(dataset, "AccessionNumber"),
        study_id=_text(dataset, "StudyID"),
        study_description=_text(dataset, "StudyDescription", 1024),
        referring_physician_name=_text(dataset, "ReferringPhysicianName", 1024),
        series_instance_uid=_uid(dataset, 0x0020000E),
        modality=_text(dataset, "Modality")[:16] or "OT",
        series_number=_integer(dataset, "SeriesNumber"),
        series_description=_text(dataset, "SeriesDescription", 1024),
        body_part_examined=_text(dataset, "BodyPartExamined"),
        sop_instance_uid=_uid(dataset, 0x00080018),
        sop_class_uid=_uid(dataset, 0x00080016),
        transfer_syntax_uid=transfer_syntax_uid,
        instance_number=_integer(dataset, "InstanceNumber"),
        rows=_integer(dataset, "Rows"),
        columns=_integer(dataset, "Columns"),
        number_of_frames=frames,
        layout=_layout(dataset, buffer, structure, frames),
        json=to_json(dataset),
    )


def _uid(dataset: Dataset, tag: int) -> str:
    try:
        value = dataset[tag].value if tag in dataset else ""
    except Exception:
        value = ""
    return required_uid(value, tag_name(tag))


def _text(dataset: Dataset, keyword: str, limit: int = 64) -> str:
    try:
        value = dataset.get(keyword)
    except Exception:
        return ""
    if value is None:
        return ""
    many = isinstance(value, MultiValue | list | tuple)
    text = "\\".join(str(item) for item in value) if many else str(value)
    return without_escapes(text).strip(" \0").replace("\0", "")[: 300 if keyword == "PatientName" else limit]


def _date(dataset: Dataset, keyword: str) -> str:
    """``YYYYMMDD``; the ACR-NEMA form with dots is read too (PS3.5 6.2)."""
    text = _text(dataset, keyword).replace(".", "").replace("-", "")[:8]
    try:
        date.fromisoformat(text if text.isascii() and len(text) == 8 else "")
    except ValueError:
        return ""
    return text


def _integer(dataset: Dataset, keyword: str) -> int | None:
    try:
        value = int(str(_first(dataset.get(keyword))).strip() or "x")
    except Exception:
        return None
    return value if -(2**31) <= value < 2**31 else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and value else value


def _layout(dataset: Dataset, buffer: Buffer, structure: Structure, frames: int) -> PixelLayout | None:
    element = structure.pixel_data
    if element is None:
        return None
    if element.length is None:
        return encapsulated_layout(buffer, element, frames, _extended_offsets(dataset))
    bits = {0x7FE00008: 32, 0x7FE00009: 64}.get(element.tag)
    shape = PixelShape(
        rows=_integer(dataset, "Rows") or 0,
        columns=_integer(dataset, "Columns") or 0,
        samples_per_pixel=_integer(dataset, "SamplesPerPixel") or 1,
        bits_allocated=bits or _integer(dataset, "BitsAllocated") or 0,
        number_of_frames=frames,
        subsampled=_text(dataset, "PhotometricInterpretation") == "YBR_FULL_422",
    )
    return native_layout(element, shape)


def _extended_offsets(dataset: Dataset) -> tuple[int, ...]:
    """PS3.3 C.7.6.3.1.8 Extended Offset Table."""
    raw = dataset.get("ExtendedOffsetTable") if "ExtendedOffsetTable" in dataset else None
    if not isinstance(raw, bytes) or len(raw) % 8:
        return ()
    return struct.unpack(f"<{len(raw) // 8}Q", raw)
