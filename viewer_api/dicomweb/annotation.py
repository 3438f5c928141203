"""Words on a picture: whose it is and how it was made (PS3.18 8.3.5.1.1)."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image, ImageDraw

from storage.archive import Archive
from storage.identity import PersonName
from storage.json_model import JsonModel
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.render import Picture, Window
from viewer_api.render.picture import encoded
from viewer_api.render.typefaces import typeface

PATIENT, TECHNIQUE = "patient", "technique"
_TAGS = {
    "00100010": "PatientName",
    "00100020": "PatientID",
    "00100040": "PatientSex",
    "00100030": "PatientBirthDate",
    "00101010": "PatientAge",
    "00080080": "InstitutionName",
    "00080060": "Modality",
    "00080020": "StudyDate",
    "00080030": "StudyTime",
    "0008103E": "SeriesDescription",
    "00200011": "SeriesNumber",
    "00200013": "InstanceNumber",
    "00180050": "SliceThickness",
    "00201041": "SliceLocation",
    "00180060": "KVP",
}
_LINES_ON_HEIGHT = 36
_SMALLEST, _LARGEST = 9, 48
"""Pixels a line is high."""


def with_annotation(
    archive: Archive, found: StoredInstance, frame_number: int, made: Picture, rendering: Rendering
) -> Picture:
    """The picture, which loses nothing, with the words asked for, in the media type asked for."""
    asked, options = rendering.annotation, rendering.options
    top = patient_lines(archive, found) if PATIENT in asked else []
    bottom = technique_lines(archive, found, frame_number, made.window) if TECHNIQUE in asked else []
    with Image.open(io.BytesIO(made.content)) as opened:
        content = encoded(annotated(opened, top, bottom), options, opened.info.get("icc_profile"))
    return replace(made, content=content, media_type=options.media_type)


def annotated(image: Image.Image, top: list[str], bottom: list[str]) -> Image.Image:
    """The same image with lines in its upper and its lower left corner, white with a black rim."""
    drawn = image.convert("L" if image.mode == "L" else "RGB")
    draw = ImageDraw.Draw(drawn)
    height = min(_LARGEST, max(_SMALLEST, min(image.size) // _LINES_ON_HEIGHT))
    step, margin = height + height // 3, height // 2
    _write(draw, top, margin, margin, height)
    _write(draw, bottom, margin, image.height - margin - step * len(bottom), height)
    return drawn


def _write(draw: ImageDraw.ImageDraw, lines: list[str], left: int, top: int, height: int) -> None:
    for number, line in enumerate(lines):
        place = (left, top + number * (height + height // 3))
        draw.text(place, line, "white", typeface(line, height), stroke_width=1, stroke_fill="black")


def patient_lines(archive: Archive, found: StoredInstance) -> list[str]:
    """Name, identifier, sex, age and date of birth."""
    said = _said(found.header_json(archive.blobs, _TAGS))
    name = PersonName.parse(said["PatientName"])
    names = [_spoken(name.alphabetic), _spoken(name.ideographic)]
    person = [said["PatientSex"], said["PatientAge"], _date(said["PatientBirthDate"])]
    return _lines(names, [said["PatientID"]], person)


def technique_lines(
    archive: Archive, found: StoredInstance, frame_number: int, window: Window | None
) -> list[str]:
    """Where and when, which series and image, how thick and where the slice is, and the window."""
    said = _said(found.header_json(archive.blobs, _TAGS))
    image = f"Im {said['InstanceNumber']}" if said["InstanceNumber"] else ""
    if found.number_of_frames > 1:
        image += f" Fr {frame_number}/{found.number_of_frames}"
    series = f"Se {said['SeriesNumber']}" if said["SeriesNumber"] else ""
    slice_ = [_with("T", said["SliceThickness"], "mm"), _with("L", said["SliceLocation"], "mm")]
    return _lines(
        [said["InstitutionName"]],
        [_date(said["StudyDate"]), _time(said["StudyTime"])],
        [said["Modality"], said["SeriesDescription"]],
        [series, image.strip()],
        [*slice_, _with("", said["KVP"], "kV")],
        [f"C {window.center:g} W {window.width:g}"] if window else [],
    )


def _lines(*lines: list[str]) -> list[str]:
    joined = ("  ".join(word for word in words if word) for words in lines)
    return [line for line in joined if line]


def _said(model: JsonModel) -> dict[str, str]:
    """The first value of each attribute as text; names by `=` between their groups."""
    return {keyword: _text(model.get(tag, {}).get("Value", [None])) for tag, keyword in _TAGS.items()}


def _text(values: list[object]) -> str:
    first = values[0] if values else None
    if isinstance(first, dict):
        groups = (str(first.get(group, "")) for group in ("Alphabetic", "Ideographic", "Phonetic"))
        return "=".join(groups)
    return "" if first is None else str(first).strip()


def _spoken(name: str) -> str:
    return " ".join(part for part in name.split("^") if part)


def _with(before: str, number: str, unit: str) -> str:
    return f"{before} {number} {unit}".strip() if number else ""


def _date(text: str) -> str:
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else text


def _time(text: str) -> str:
    return f"{text[:2]}:{text[2:4]}" if text[:4].isdigit() and len(text) >= 4 else ""
