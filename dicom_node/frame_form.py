"""What the Image Pixel module says of a frame (PS3.3 C.7.6.3), checked before a byte is decompressed."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom import Dataset

from storage.errors import Invalid
from storage.structure import tag_name

_MAX_FRAME_BYTES = 1 << 30


@dataclass(frozen=True)
class FrameForm:
    """What the Image Pixel module says of one frame (PS3.3 C.7.6.3); sizes are pixels, bits are per sample."""

    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int

    @property
    def frame_bits(self) -> int:
        """Of one uncompressed frame."""
        return self.rows * self.columns * self.samples_per_pixel * self.bits_allocated

    @property
    def sample_bytes(self) -> int:
        """Of one sample; 0 for single bits."""
        return self.bits_allocated // 8


def frame_form(header: Dataset) -> FrameForm:
    """Read and check the header. Raises `Invalid` naming the attribute."""
    allocated = _number(header, "BitsAllocated")
    stored = _number(header, "BitsStored", allocated)
    form = FrameForm(
        rows=_number(header, "Rows"),
        columns=_number(header, "Columns"),
        samples_per_pixel=_number(header, "SamplesPerPixel", 1),
        photometric_interpretation=str(header.get("PhotometricInterpretation") or ""),
        planar_configuration=_number(header, "PlanarConfiguration", 0),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_number(header, "HighBit", stored - 1),
        pixel_representation=_number(header, "PixelRepresentation", 0),
    )
    if allocated not in (1, 8, 16, 32) or form.samples_per_pixel not in (1, 3):
        raise Invalid(f"{tag_name(0x00280100)} {allocated} cannot be decompressed")
    if not 0 < form.frame_bits <= _MAX_FRAME_BYTES * 8:
        raise Invalid(f"{tag_name(0x00280010)} x {tag_name(0x00280011)} cannot be decompressed")
    return form


def describe(header: Dataset, form: FrameForm) -> None:
    """Write into the header what decompression changed (PS3.3 C.7.6.3)."""
    before = frame_form(header)
    if form.photometric_interpretation != before.photometric_interpretation:
        header.PhotometricInterpretation = form.photometric_interpretation
    if form.planar_configuration != before.planar_configuration:
        header.PlanarConfiguration = form.planar_configuration
    if form.high_bit != before.high_bit:
        header.HighBit = form.high_bit


def _number(header: Dataset, keyword: str, default: int | None = None) -> int:
    value = header.get(keyword)
    if value is None or value == "":
        if default is None:
            raise Invalid(f"{keyword} is missing")
        return default
    try:
        return int(value)
    except (TypeError, ValueError) as why:
        raise Invalid(f"{keyword} is no number") from why
