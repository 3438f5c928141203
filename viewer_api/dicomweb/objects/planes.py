"""Where the frames of what we hold lie."""

from __future__ import annotations

from storage.archive import Archive
from storage.json_model import JsonModel
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.render_header import render_header
from viewer_api.render import attributes
from viewer_api.render.functional_groups import functional_group
from viewer_api.render.plane import Plane, plane

_POSITION, _ORIENTATION, _SPACING = "00200032", "00200037", "00280030"


def plane_of(archive: Archive, found: StoredInstance, frame_number: int) -> Plane | None:
    """Of a frame, from 1; None where it is not told."""
    if not found.rows or not found.columns:
        return None
    shape = found.rows, found.columns
    said = found.header_json(archive.blobs, (_POSITION, _ORIENTATION, _SPACING))
    if _POSITION not in said and found.number_of_frames > 1:
        return _of_frame(archive, found, frame_number, shape)
    position, orientation, spacing = (_numbers(said, tag) for tag in (_POSITION, _ORIENTATION, _SPACING))
    return plane(position, orientation, spacing, shape)


def _numbers(said: JsonModel, tag: str) -> tuple[float, ...]:
    """Nothing where one of them is no number."""
    try:
        return tuple(float(each) for each in said.get(tag, {}).get("Value", []))
    except (TypeError, ValueError):
        return ()


def _of_frame(
    archive: Archive, found: StoredInstance, frame_number: int, shape: tuple[int, int]
) -> Plane | None:
    header = render_header(archive, found)
    read = []
    for macro, keyword in (
        ("PlanePositionSequence", "ImagePositionPatient"),
        ("PlaneOrientationSequence", "ImageOrientationPatient"),
        ("PixelMeasuresSequence", "PixelSpacing"),
    ):
        group = functional_group(header, macro, frame_number=frame_number)
        read.append(() if group is None else attributes.numbers(group, keyword))
    return plane(read[0], read[1], read[2], shape)
