"""What pydicom says of a header: the slow and sure reading that ours must equal, value by value.

Everything goes through pydicom's data set: its reader, its conversions, its DICOM JSON. One thing it does not do as we
mean it: sequences of undefined length are decoded at once, in the declared character set. So the set that was chosen
is put into the bytes first.
"""

from __future__ import annotations

import struct
import warnings
from base64 import b64encode
from datetime import date
from io import BytesIO
from math import isfinite

from pydicom import Dataset
from pydicom._dicom_dict import DicomDictionary
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.valuerep import AMBIGUOUS_VR, BYTES_VR, VR

from storage.errors import Invalid
from storage.frames import PixelShape, encapsulated_layout, native_layout
from storage.header import inflate
from storage.identity import PersonName, required_uid
from storage.json_model import BULK_THRESHOLD, little_endian
from storage.structure import Encoding, tag_name, walk
from storage.text import choose_charset, without_escapes

_TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_JSON_VRS = frozenset(vr.value for vr in VR if len(vr.value) == 2)
_BINARY = (BYTES_VR | AMBIGUOUS_VR) - {VR.US_SS}
_RESOLVED = {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW", "US or SS or OW": "OW"}


def described(buffer, transfer_syntax_uid, node_charset=""):
    """The indexed attributes by name, and the header in the DICOM JSON model. Raises `Invalid`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encoding = Encoding.of(transfer_syntax_uid)
        if transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            buffer = inflate(buffer, 0)
        structure = walk(buffer, 0, encoding)
        dataset, charset = _decoded(buffer, structure, encoding, node_charset)
        return _described(dataset, charset, transfer_syntax_uid, buffer, structure), to_json(dataset)


def _decoded(buffer, structure, encoding, node_charset):
    head = bytes(buffer[: structure.header_end])
    dataset = _read(head, encoding)
    charset = choose_charset(_declared(dataset), node_charset, _text_samples(dataset))
    if structure.regular:
        dataset = _read(_with_charset(structure, head, encoding, "\\".join(charset.terms).encode()), encoding)
    dataset.add_new(0x00080005, "CS", list(charset.terms))
    encodings = convert_encodings(list(charset.terms))
    dataset.set_original_encoding(dataset.original_encoding[0], encoding.little_endian, encodings)
    return dataset, charset


def _with_charset(structure, head, encoding, value):
    value += b" " * (len(value) % 2)
    order, vr = (">", "<")[encoding.little_endian], (b"CS",) * (not encoding.implicit_vr)
    form = order + ("HHL" if encoding.implicit_vr else "HH2sH")
    element = struct.pack(form, 8, 5, *vr, len(value)) + value
    if 0x00080005 not in structure.top.places:
        return element + head
    vr, start, length = structure.top.places[0x00080005]
    return element + head[: start - (12 if vr == b"UN" else 8)] + head[start + length :]


def _read(head, encoding):
    try:
        return read_dataset(BytesIO(head), encoding.implicit_vr, encoding.little_endian)
    except Exception as why:
        raise Invalid(f"the data set cannot be read: {type(why).__name__}: {why}") from why


def _declared(dataset):
    elements = dict(dataset.items())
    if 0x00080005 not in elements:
        return []
    raw = elements[0x00080005].value
    text = raw.decode("ascii", "replace") if isinstance(raw, bytes) else "\\".join(_strings(raw))
    return text.strip(" \0").split("\\")


def _strings(value):
    return [value] if isinstance(value, str) else [str(item) for item in value or []]


def _text_samples(dataset):
    elements = [e for e in dataset.values() if isinstance(e, RawDataElement)]
    return [bytes(e.value) for e in elements if e.value and _is_text(e)]


def _is_text(element):
    vr = element.VR
    if vr is None:
        entry = DicomDictionary.get(element.tag)
        vr = entry[0] if entry else "UN"
    return vr in _TEXT_VRS


def _described(dataset, charset, transfer_syntax_uid, buffer, structure):
    frames = max(1, _integer(dataset, "NumberOfFrames") or 1)
    return {
        "patient_id": _text(dataset, "PatientID"),
        "issuer_of_patient_id": _text(dataset, "IssuerOfPatientID"),
        "patient_name": PersonName.parse(_text(dataset, "PatientName")),
        "patient_birth_date": _date(dataset, "PatientBirthDate"),
        "patient_sex": _text(dataset, "PatientSex")[:16],
        "charset_suspect": charset.suspect,
        "charset_terms": charset.terms,
        "study_instance_uid": _uid(dataset, 0x0020000D),
        "study_date": _date(dataset, "StudyDate"),
        "study_time": _text(dataset, "StudyTime")[:16],
        "accession_number": _text(dataset, "AccessionNumber"),
        "study_id": _text(dataset, "StudyID"),
        "study_description": _text(dataset, "StudyDescription", 1024),
        "referring_physician_name": _text(dataset, "ReferringPhysicianName", 1024),
        "series_instance_uid": _uid(dataset, 0x0020000E),
        "modality": _text(dataset, "Modality")[:16] or "OT",
        "series_number": _integer(dataset, "SeriesNumber"),
        "series_description": _text(dataset, "SeriesDescription", 1024),
        "body_part_examined": _text(dataset, "BodyPartExamined"),
        "sop_instance_uid": _uid(dataset, 0x00080018),
        "sop_class_uid": _uid(dataset, 0x00080016),
        "transfer_syntax_uid": transfer_syntax_uid,
        "instance_number": _integer(dataset, "InstanceNumber"),
        "rows": _integer(dataset, "Rows"),
        "columns": _integer(dataset, "Columns"),
        "number_of_frames": frames,
        "layout": _layout(dataset, buffer, structure, frames),
        "header_length": structure.header_end,
    }


def _uid(dataset, tag):
    try:
        value = dataset[tag].value if tag in dataset else ""
    except Exception:
        value = ""
    return required_uid(value, tag_name(tag))


def _text(dataset, keyword, limit=64):
    try:
        value = dataset.get(keyword)
    except Exception:
        return ""
    if value is None:
        return ""
    many = isinstance(value, MultiValue | list | tuple)
    text = "\\".join(str(item) for item in value) if many else str(value)
    return without_escapes(text).strip(" \0").replace("\0", "")[: 300 if keyword == "PatientName" else limit]


def _date(dataset, keyword):
    text = _text(dataset, keyword).replace(".", "").replace("-", "")[:8]
    try:
        date.fromisoformat(text if text.isascii() and len(text) == 8 else "")
    except ValueError:
        return ""
    return text


def _integer(dataset, keyword):
    try:
        value = dataset.get(keyword)
        value = value[0] if isinstance(value, list | tuple) and value else value
        value = int(str(value).strip() or "x")
    except Exception:
        return None
    return value if -(2**31) <= value < 2**31 else None


def _layout(dataset, buffer, structure, frames):
    element = structure.pixel_data
    if element is None:
        return None
    if element.length is None:
        raw = dataset.get("ExtendedOffsetTable")
        table = raw if isinstance(raw, bytes) and len(raw) % 8 == 0 else b""
        return encapsulated_layout(buffer, element, frames, struct.unpack(f"<{len(table) // 8}Q", table))
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


def to_json(dataset: Dataset):
    """PS3.18 F.2 by pydicom, one element at a time."""
    big_endian = dataset.original_encoding[1] is False
    model = _dataset_json(dataset, "bulkdata", big_endian)
    model["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    return model


def _dataset_json(dataset, path, big_endian):
    tags = [tag for tag in sorted(dataset.keys()) if tag.element]
    return {f"{tag:08X}": _element_json(dataset, tag, f"{path}/{tag:08X}", big_endian) for tag in tags}


def _element_json(dataset, tag, path, big_endian):
    try:
        element = dataset[tag]
        if element.VR == VR.SQ:
            items = [_dataset_json(item, f"{path}/{i}", big_endian) for i, item in enumerate(element.value)]
            return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
        if element.VR in _BINARY and isinstance(element.value, bytes):
            return _binary_json(element, path, big_endian)
        return _readable(element.to_json_dict(None, 0))
    except Exception:
        vr = getattr(dict(dataset.items())[tag], "VR", None) or "UN"
        return {"vr": vr if vr in _JSON_VRS else "UN"}


def _binary_json(element, path, big_endian):
    vr = _RESOLVED.get(element.VR, element.VR)
    if not element.value:
        return {"vr": vr}
    if len(element.value) > BULK_THRESHOLD:
        return {"vr": vr, "BulkDataURI": path}
    data = little_endian(element.value, vr) if big_endian else element.value
    return {"vr": vr, "InlineBinary": b64encode(data).decode()}


def _readable(plain):
    plain["vr"] = _RESOLVED.get(plain["vr"], plain["vr"])
    values = plain.get("Value")
    if values and isinstance(values[0], str | dict):
        plain["Value"] = [_plain_text(value) for value in values]
    if values and any(isinstance(value, float) and not isfinite(value) for value in values):
        plain["Value"] = [None if isinstance(v, float) and not isfinite(v) else v for v in values]
    return plain


def _plain_text(value):
    if isinstance(value, dict):
        return {key: _plain_text(item) for key, item in value.items()}
    return without_escapes(value) if isinstance(value, str) else value
