"""Samples of a waveform in their physical units (PS3.3 C.10.9)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.presentation_state import items

MAX_CHANNELS = 256
_MILLIVOLTS = {"nv": 1e-6, "uv": 1e-3, "µv": 1e-3, "mv": 1.0, "v": 1e3}
_LEAD = re.compile(r"\b(aV[RLF]|V[1-9]R?|III|II|I)\b", re.IGNORECASE)
_NUMBERS = {"SB": "i1", "UB": "u1", "SS": "<i2", "US": "<u2", "SL": "<i4", "UL": "<u4"}


@dataclass(frozen=True)
class Channel:
    """`samples` `(n,)` are in `unit`, no number where there is none; filters are in Hz, 0.0 where none is told."""

    label: str
    unit: str
    samples: NDArray[np.float32]
    filter_low: float = 0.0
    filter_high: float = 0.0
    notch: float = 0.0

    @property
    def lead(self) -> str:
        """The ECG lead as it is always written (``aVR``); empty for what is none."""
        found = _LEAD.search(self.label)
        word = found.group(1) if found else ""
        return f"aV{word[2:].upper()}" if word[:1] in "aA" else word.upper()

    @property
    def millivolts(self) -> NDArray[np.float32] | None:
        """The samples in mV; None for what is no voltage."""
        factor = _MILLIVOLTS.get(self.unit.lower())
        return None if factor is None else self.samples * np.float32(factor)


@dataclass(frozen=True)
class WaveformGroup:
    """Channels sampled together, `frequency` times a second; their samples begin at `start_s` of `total_s`."""

    label: str
    frequency: float
    channels: tuple[Channel, ...]
    start_s: float
    total_s: float

    @property
    def duration_s(self) -> float:
        """Of the samples that are here."""
        return max((len(channel.samples) for channel in self.channels), default=0) / self.frequency


def waveform_group(
    header: Dataset, number: int, start_s: float = 0.0, duration_s: float = 60.0
) -> WaveformGroup:
    """A stretch of the multiplex group of that number, from 1.

    Raises `Invalid` where it is not there or cannot be read, and for a start behind its end.
    """
    groups = items(header, "WaveformSequence")
    if not 1 <= number <= len(groups):
        raise Invalid(
            f"there is no multiplex group {number}: the waveform has {len(groups)}", code="NOT_RENDERABLE"
        )
    group = groups[number - 1]
    frequency = (attributes.numbers(group, "SamplingFrequency") or (0.0,))[0]
    if frequency <= 0:
        raise Invalid("(003A,001A) SamplingFrequency is missing or not above 0", code="NOT_RENDERABLE")
    whole, padding = _stored(group)
    first, count = round(start_s * frequency), round(duration_s * frequency)
    part = whole[first : first + count]
    if not len(part):
        raise Invalid(f"start: the waveform lasts {len(whole) / frequency:.4g} s", parameter="start")
    stored, gaps = part.astype(np.float32), part == padding
    definitions = items(group, "ChannelDefinitionSequence")
    channels = [
        _channel(
            definitions[index] if index < len(definitions) else Dataset(),
            stored[:, index],
            gaps[:, index],
            index,
        )
        for index in range(stored.shape[1])
    ]
    return WaveformGroup(
        str(group.get("MultiplexGroupLabel") or ""),
        frequency,
        tuple(channels),
        start_s,
        len(whole) / frequency,
    )


def _stored(group: Dataset) -> tuple[NDArray[Any], Any]:
    """Sample values `(n, channels)`, and the value that stands for none."""
    count = attributes.integer(group, "NumberOfWaveformChannels")
    kind = attributes.text(group, "WaveformSampleInterpretation")
    data = attributes.value_of(group, "WaveformData")
    read = _READERS.get(kind)
    if read is None or not 0 < count <= MAX_CHANNELS or not isinstance(data, bytes):
        raise Invalid(
            f"waveform samples of kind {kind[:16]} in {count} channels cannot be shown", code="NOT_RENDERABLE"
        )
    values = read(data)
    whole = values[: len(values) // count * count].reshape(-1, count)
    samples = attributes.integer(group, "NumberOfWaveformSamples", len(whole))
    return whole[: max(0, samples)], _padding(group, values)


def _padding(group: Dataset, values: NDArray[Any]) -> Any:
    """(5400,100A), a sample's own bytes; no number equals what stands for none."""
    pad = attributes.value_of(group, "WaveformPaddingValue")
    if not isinstance(pad, bytes) or len(pad) < values.dtype.itemsize:
        return np.nan
    return np.frombuffer(pad[: values.dtype.itemsize], values.dtype)[0]


def _channel(
    definition: Dataset, stored: NDArray[np.float32], gaps: NDArray[np.bool_], index: int
) -> Channel:
    """Value = stored x sensitivity x correction + baseline (PS3.3 C.10.9.1.4.3)."""
    units = attributes.first_item(definition, "ChannelSensitivityUnitsSequence") or Dataset()
    factor = _one(definition, "ChannelSensitivity", 1.0) * _one(
        definition, "ChannelSensitivityCorrectionFactor", 1.0
    )
    samples = stored * np.float32(factor) + np.float32(_one(definition, "ChannelBaseline", 0.0))
    samples[gaps] = np.nan
    return Channel(
        _label(definition, index),
        str(units.get("CodeValue") or "").strip(),
        samples,
        _one(definition, "FilterLowFrequency", 0.0),
        _one(definition, "FilterHighFrequency", 0.0),
        _one(definition, "NotchFilterFrequency", 0.0),
    )


def _label(definition: Dataset, index: int) -> str:
    source = attributes.first_item(definition, "ChannelSourceSequence") or Dataset()
    told = source.get("CodeMeaning") or definition.get("ChannelLabel")
    return str(told).strip() if told else f"{index + 1}"


def _one(holder: Dataset, keyword: str, default: float) -> float:
    values = attributes.numbers(holder, keyword)
    return values[0] if values else default


def _whole_numbers(dtype: str) -> Callable[[bytes], NDArray[Any]]:
    size = np.dtype(dtype).itemsize
    return lambda data: np.frombuffer(data, dtype, len(data) // size)


def _mu_law(data: bytes) -> NDArray[Any]:
    """ITU-T G.711 mu-law, to 14 bits."""
    code = ~np.frombuffer(data, np.uint8)
    size = ((code & 0x0F).astype(np.int32) * 2 + 33 << ((code >> 4) & 7)) - 33
    return np.where(code & 0x80, -size, size)


def _a_law(data: bytes) -> NDArray[Any]:
    """ITU-T G.711 A-law, to 13 bits."""
    code = np.frombuffer(data, np.uint8) ^ 0x55
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 0x0F).astype(np.int32) * 2 + 1
    size = np.where(segment == 0, step, step + 32 << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, size, -size)


_READERS: dict[str, Callable[[bytes], NDArray[Any]]] = {
    **{name: _whole_numbers(dtype) for name, dtype in _NUMBERS.items()},
    "MB": _mu_law,
    "AB": _a_law,
}
"""WaveformSampleInterpretation (5400,1006), PS3.3 C.10.9.1.5."""
