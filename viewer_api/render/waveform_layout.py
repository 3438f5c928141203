"""An ECG as cardiologists print it, 25 mm a second and 10 mm a millivolt; other waveforms channel under channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from viewer_api.render.waveform import Channel, WaveformGroup
from viewer_api.render.waveform_sheet import PALE, Grid, Label, Sheet, Trace, polyline, thinned

TWELVE = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
"""Rows of four leads, each for 2.5 s; below them lead II for 10 s."""
SPEED_MM_S = 25.0
SHOWN_S = 10.0
_GAINS = (10.0, 5.0, 2.5, 1.0)
_ROW, _OTHER_ROW, _LEFT, _RIGHT, _HEAD, _FOOT = 30.0, 24.0, 14.0, 6.0, 22.0, 4.0
_MOST_ROWS = 64
_OFFSET_MV = 1.0
_WIDTH = SPEED_MM_S * SHOWN_S


def ecg_sheet(group: WaveformGroup, notes: Sequence[str]) -> Sheet:
    """Its first ten seconds: in the order of `TWELVE` where all twelve leads are there, else row by row."""
    rows = _twelve_rows(group) or _single_rows(group)
    gain = _gain([samples for row in rows for _, samples in row])
    sheet = _paper(len(rows), _ROW)
    for number, row in enumerate(rows):
        middle = _HEAD + _ROW * (number + 0.5)
        _calibration(sheet, middle, gain)
        stretch = _WIDTH / len(row)
        for place, (label, samples) in enumerate(row):
            left = _LEFT + place * stretch
            width = min(stretch, len(samples) / group.frequency * SPEED_MM_S)
            sheet.traces.append(_trace(samples, left, width, middle, gain))
            sheet.labels.append(Label(left + 1, middle - _ROW * 0.32, label))
            if place:
                sheet.traces.append(polyline([(left, middle - 6), (left, middle - 3)]))
    _head(sheet, [f"{SPEED_MM_S:g} mm/s", f"{gain:g} mm/mV", *_about(group, SHOWN_S)], notes)
    return sheet


def is_ecg(group: WaveformGroup) -> bool:
    """Whether every channel is a voltage of a named lead."""
    return all(channel.lead and channel.millivolts is not None for channel in group.channels)


def channel_sheet(group: WaveformGroup, notes: Sequence[str]) -> Sheet:
    """Every channel by itself, over its own range."""
    parts = [(channel, channel.samples) for channel in group.channels[:_MOST_ROWS]]
    sheet = _paper(len(parts), _OTHER_ROW)
    for number, (channel, samples) in enumerate(parts):
        _channel_row(
            sheet,
            channel,
            samples,
            _HEAD + _OTHER_ROW * number,
            len(samples) / group.frequency / (group.duration_s or 1),
        )
    _head(sheet, _about(group, group.duration_s), notes)
    return sheet


def _twelve_rows(group: WaveformGroup) -> list[list[tuple[str, NDArray[np.float32]]]]:
    """Empty if a lead is missing. A median beat is too short for one time after the other: its leads begin together."""
    leads = {channel.lead: channel for channel in group.channels}
    if any(lead not in leads for row in TWELVE for lead in row):
        return []
    together = group.duration_s < SHOWN_S / 2
    step = 0.0 if together else SHOWN_S / 4
    rows = [
        [
            (lead, _centred(_cut(group, leads[lead], step * place, SHOWN_S / 4)))
            for place, lead in enumerate(row)
        ]
        for row in TWELVE
    ]
    return rows if together else [*rows, [("II", _centred(_cut(group, leads["II"], 0, SHOWN_S)))]]


def _single_rows(group: WaveformGroup) -> list[list[tuple[str, NDArray[np.float32]]]]:
    return [
        [(channel.lead, _centred(_cut(group, channel, 0, SHOWN_S)))]
        for channel in group.channels[:_MOST_ROWS]
    ]


def _cut(group: WaveformGroup, channel: Channel, start_s: float, duration_s: float) -> NDArray[np.float32]:
    millivolts = channel.samples if channel.millivolts is None else channel.millivolts
    first = round(start_s * group.frequency)
    return millivolts[first : first + round(duration_s * group.frequency)]


def _centred(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without an electrode's constant voltage, where that would push the line off its row."""
    there = samples[np.isfinite(samples)]
    middle = np.float32(np.median(there)) if there.size else np.float32(0)
    return samples - middle if abs(middle) > _OFFSET_MV else samples


def _gain(rows: list[NDArray[np.float32]]) -> float:
    """10 mm/mV; half of it, and so on, where lines would leave their rows by far."""
    peaks = [np.nanmax(np.abs(row)) for row in rows if np.isfinite(row).any()]
    peak = float(max(peaks, default=0))
    return next((gain for gain in _GAINS if peak * gain <= _ROW), _GAINS[-1])


def _paper(rows: int, row: float) -> Sheet:
    height = _HEAD + max(1, rows) * row + _FOOT
    sheet = Sheet(_LEFT + _WIDTH + _RIGHT, height)
    sheet.grids.append(Grid(_LEFT - 10, _HEAD, _WIDTH + 10, max(1, rows) * row))
    return sheet


def _calibration(sheet: Sheet, middle: float, gain: float) -> None:
    """One millivolt for 0.2 s."""
    left = _LEFT - 9
    pulse = [
        (left, 0.0),
        (left + 1.5, 0.0),
        (left + 1.5, gain),
        (left + 6.5, gain),
        (left + 6.5, 0.0),
        (left + 8, 0.0),
    ]
    sheet.traces.append(polyline([(x, middle - up) for x, up in pulse]))


def _trace(samples: NDArray[np.float32], left: float, width: float, middle: float, gain: float) -> Trace:
    places, values = thinned(samples)
    return Trace(np.stack([left + places * width, middle - values * gain], axis=1))


def _channel_row(
    sheet: Sheet, channel: Channel, samples: NDArray[np.float32], top: float, part: float
) -> None:
    """From the smallest to the largest value over most of the row, with both written at its side."""
    there = samples[np.isfinite(samples)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    span = high - low or 1.0
    room, bottom = _OTHER_ROW * 0.62, top + _OTHER_ROW * 0.94
    places, values = thinned(samples)
    points = np.stack([_LEFT + places * _WIDTH * part, bottom - (values - low) / span * room], axis=1)
    sheet.traces.append(Trace(points, width=0.25))
    unit = f" [{channel.unit}]" if channel.unit else ""
    sheet.labels.append(Label(_LEFT + 1, top + 4.5, f"{channel.label}{unit}"))
    sheet.labels.append(Label(1, bottom - room + 1.5, f"{high:.4g}", 2.4, PALE))
    sheet.labels.append(Label(1, bottom, f"{low:.4g}", 2.4, PALE))


def _about(group: WaveformGroup, shown_s: float) -> list[str]:
    """What was recorded, with which filters, and how much of it is here."""
    end = group.start_s + min(group.duration_s, shown_s)
    told = [f"{group.start_s:g}-{end:.4g} s / {group.total_s:.4g} s", f"{group.frequency:g} Hz"]
    filters = {(each.filter_low, each.filter_high, each.notch) for each in group.channels}
    low, high, notch = next(iter(filters)) if len(filters) == 1 else (0.0, 0.0, 0.0)
    if high:
        told.append(f"{low:g}-{high:g} Hz filter")
    if notch:
        told.append(f"{notch:g} Hz notch")
    return [*told, group.label] if group.label else told


def _head(sheet: Sheet, words: list[str], notes: Sequence[str]) -> None:
    """The first line tells the scale; below it what the device wrote of the record, in columns of three."""
    sheet.labels.append(Label(_LEFT - 10, 5.5, "   ".join(words), 3.4, PALE))
    for number, note in enumerate(notes[:12]):
        column, line = divmod(number, 3)
        sheet.labels.append(Label(_LEFT - 10 + column * 64, 10.5 + line * 4.4, note[:44], 3.2))
