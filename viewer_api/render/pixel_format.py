"""What the Image Pixel Module says a frame looks like (PS3.3 C.7.6.3), checked before a byte is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from storage.errors import Invalid
from viewer_api.render import attributes
from viewer_api.render.attributes import tag_name

MAX_SAMPLES = 100 * 1000 * 1000
"""Rows x Columns x SamplesPerPixel that one frame may have; a header that claims more is refused unread.

No detector has as many, and slides come in tiles; a JPEG 2000 frame of this size takes a gigabyte to decode."""

MONOCHROME = frozenset({"MONOCHROME1", "MONOCHROME2"})
SUBSAMPLED = frozenset({"YBR_FULL_422"})
_SAMPLES_PER_PIXEL = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "YBR_PARTIAL_422": 3,  # retired; compressed only, where the codestream tells the colour
}
_BITS_ALLOCATED = frozenset({1, 8, 16, 32, 64})


@dataclass(frozen=True)
class PixelFormat:
    """Shape and number format of one frame; sizes are pixels, bits are per sample."""

    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    floating: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """`(rows, columns)`, or `(rows, columns, samples)` for colour."""
        plane = (self.rows, self.columns)
        return plane if self.samples_per_pixel == 1 else (*plane, self.samples_per_pixel)

    @property
    def samples(self) -> int:
        """Samples of one frame, chrominance counted in full."""
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def colour(self) -> bool:
        """Whether a pixel holds three samples; a palette image holds one."""
        return self.samples_per_pixel == 3

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Of a stored value, in this machine's byte order; 1-bit samples take a byte each."""
        if self.floating:
            return np.dtype(f"f{self.bits_allocated // 8}")
        return np.dtype(f"{'i' if self.signed else 'u'}{max(self.bits_allocated // 8, 1)}")


def pixel_format(header: Dataset, *, pixel_vr: str | None = None) -> PixelFormat:
    """Read and check the header; raises `Invalid` naming the attribute that is missing or cannot be.

    `pixel_vr` is the value representation of the pixel data element where the caller knows it: OF and OD tell
    floating point pixels. Without it they are told by what only they lack, the sign and the stored bits
    (PS3.3 C.7.6.24, C.7.6.25).
    """
    photometric = attributes.text(header, "PhotometricInterpretation")
    rows, columns = _size(header, "Rows"), _size(header, "Columns")
    samples = _samples_per_pixel(header, photometric)
    if rows * columns * samples > MAX_SAMPLES:
        raise Invalid(
            f"{tag_name('Rows')} x {tag_name('Columns')} is {rows} x {columns}, more than can be rendered",
            code="NOT_RENDERABLE",
        )
    allocated = _bits_allocated(header)
    floating = _floating(header, allocated, pixel_vr)
    stored, high_bit = (allocated, allocated - 1) if floating else _bits_stored(header, allocated)
    return PixelFormat(
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        photometric_interpretation=photometric,
        planar_configuration=_flag(header, "PlanarConfiguration"),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        signed=bool(_flag(header, "PixelRepresentation")),
        floating=floating,
    )


def _size(header: Dataset, keyword: str) -> int:
    size = attributes.integer(header, keyword)
    if not 0 < size <= 0xFFFFFFFF:
        raise Invalid(f"{tag_name(keyword)} is {size}")
    return size


def _samples_per_pixel(header: Dataset, photometric: str) -> int:
    expected = _SAMPLES_PER_PIXEL.get(photometric)
    name = tag_name("PhotometricInterpretation")
    if expected is None:
        raise Invalid(f"{name} {photometric[:16]} cannot be rendered", code="NOT_RENDERABLE")
    samples = attributes.integer(header, "SamplesPerPixel")
    if samples != expected:
        raise Invalid(f"{tag_name('SamplesPerPixel')} is {samples}, {name} {photometric} has {expected}")
    return samples


def _bits_allocated(header: Dataset) -> int:
    allocated = attributes.integer(header, "BitsAllocated")
    if allocated not in _BITS_ALLOCATED:
        raise Invalid(f"{tag_name('BitsAllocated')} {allocated} cannot be rendered", code="NOT_RENDERABLE")
    return allocated


def _floating(header: Dataset, allocated: int, pixel_vr: str | None) -> bool:
    if pixel_vr is not None:
        return pixel_vr in ("OF", "OD")
    integers_say = ("BitsStored", "HighBit", "PixelRepresentation")
    return allocated in (32, 64) and not any(attributes.has_value(header, each) for each in integers_say)


def _bits_stored(header: Dataset, allocated: int) -> tuple[int, int]:
    stored = attributes.integer(header, "BitsStored", allocated)
    if not 0 < stored <= allocated:
        name = tag_name("BitsStored")
        raise Invalid(f"{name} is {stored}, which {tag_name('BitsAllocated')} {allocated} cannot hold")
    high_bit = attributes.integer(header, "HighBit", stored - 1)
    # A high bit outside the word is a common slip of otherwise good files; then the bits lie at the low end.
    return stored, high_bit if stored - 1 <= high_bit < allocated else stored - 1


def _flag(header: Dataset, keyword: str) -> int:
    value = attributes.integer(header, keyword, 0)
    if value not in (0, 1):
        raise Invalid(f"{tag_name(keyword)} is {value}, neither 0 nor 1")
    return value
