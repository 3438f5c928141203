"""ECGs and other waveforms as they are printed. Frame `n` is the multiplex group `n`."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Response
from pydicom import Dataset

from storage.bulkdata import complete_header
from storage.errors import Invalid
from viewer_api.dicomweb.accept import choose
from viewer_api.dicomweb.objects.ask import Ask, Renderer
from viewer_api.dicomweb.parameters import PICTURES, Rendering, read_rendering
from viewer_api.render import Picture, attributes
from viewer_api.render.presentation_state import items
from viewer_api.render.waveform import waveform_group
from viewer_api.render.waveform_layout import channel_sheet, ecg_sheet, is_ecg
from viewer_api.render.waveform_picture import sheet_picture, sheet_svg
from viewer_api.render.waveform_sheet import Sheet

_ROOT = "1.2.840.10008.5.1.4.1.1.9."
_KINDS = (1.1, 1.2, 1.3, 1.4, 2.1, 3.1, 4.1, 4.2, 5.1, 6.1, 6.2, 7.1, 7.2, 7.3, 7.4, 8.1)
WAVEFORM_CLASSES = tuple(f"{_ROOT}{kind}" for kind in _KINDS)
SVG = "image/svg+xml"
_GROUPS = frozenset({"0008", "003A", "0040", "5400"})
_MAX_BYTES = 128 << 20
_LONGEST_S = 1e7


def waveform_picture(ask: Ask) -> Response:
    """A picture, or SVG for who wants that; `start` tells the second at which it begins."""
    start_s = _start(ask)
    media_type = choose(ask.request, (*PICTURES, SVG))
    if media_type == SVG:
        return ask.answer(lambda: sheet_svg(_sheet(ask, start_s)).encode(), SVG, start_s)
    rendering = read_rendering(ask.request)
    return ask.answer(
        lambda: sheet_picture(_sheet(ask, start_s), rendering.options).content,
        rendering.options.media_type,
        rendering,
        start_s,
    )


def waveform_thumbnail(ask: Ask, rendering: Rendering) -> Picture | None:
    """The beginning, small."""
    return sheet_picture(_sheet(ask, 0.0), rendering.options)


def _sheet(ask: Ask, start_s: float) -> Sheet:
    if ask.found.length > _MAX_BYTES:
        raise Invalid("this waveform is too long to be shown as a picture", code="NOT_RENDERABLE")
    header = complete_header(ask.archive, ask.found, _GROUPS)
    group = waveform_group(header, ask.frame_number or 1, start_s)
    notes = list(dict.fromkeys(_notes(header, ask.frame_number or 1)))
    if is_ecg(group):
        return ecg_sheet(group, notes)
    return channel_sheet(group, notes)


def _start(ask: Ask) -> float:
    text = ask.request.query_params.get("start", "0")
    try:
        start_s = float(text)
    except ValueError as why:
        raise Invalid("start is a number of seconds", parameter="start") from why
    if not 0 <= start_s <= _LONGEST_S:
        raise Invalid("start is a number of seconds from 0", parameter="start")
    return start_s


def _notes(header: Dataset, group: int) -> Iterator[str]:
    """When it was recorded, what the device read in it, and the intervals that it measured (PS3.3 C.10.10)."""
    when = str(header.get("AcquisitionDateTime") or "").partition(".")[0]
    if len(when) >= 12 and when.isdigit():
        yield f"{when[:4]}-{when[4:6]}-{when[6:8]} {when[8:10]}:{when[10:12]}:{when[12:14] or '00'}"
    of_group = [item for item in items(header, "WaveformAnnotationSequence") if _is_about(item, group)]
    for item in of_group:
        text = str(item.get("UnformattedTextValue") or "").strip()
        if text:
            yield text
    for item in of_group:
        yield from _measured(item)


def _measured(item: Dataset) -> Iterator[str]:
    name = attributes.first_item(item, "ConceptNameCodeSequence")
    unit = attributes.first_item(item, "MeasurementUnitsCodeSequence")
    values = attributes.numbers(item, "NumericValue")
    if name is not None and values and values[0]:
        told = str(unit.get("CodeValue") or "") if unit is not None else ""
        yield f"{name.get('CodeMeaning') or ''}  {values[0]:g} {told}".strip()


def _is_about(item: Dataset, group: int) -> bool:
    """An annotation names the groups and channels it is about, in pairs; one that names none is about all."""
    channels = attributes.numbers(item, "ReferencedWaveformChannels")
    return not channels or group in channels[::2]


WAVEFORMS = Renderer(waveform_picture, waveform_thumbnail, symbol="wave")
