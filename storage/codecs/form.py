"""What a codestream is expected to hold, and what it held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from numpy.typing import NDArray

from storage.errors import Invalid

PIXEL_DATA = "(7FE0,0010) PixelData"


@dataclass(frozen=True)
class StreamForm:
    """The header's word on a frame (PS3.3 C.7.6.3); sizes are pixels, bits are per sample."""

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    photometric_interpretation: str

    @property
    def shape(self) -> tuple[int, ...]:
        """`(rows, columns)`, or `(rows, columns, samples)` for more than one."""
        plane = (self.rows, self.columns)
        return plane if self.samples_per_pixel == 1 else (*plane, self.samples_per_pixel)

    @property
    def sample_bytes(self) -> int:
        """Of one sample; a single bit takes a byte."""
        return max(self.bits_allocated // 8, 1)

    @property
    def says_ybr(self) -> bool:
        """Whether the header says that components are luminance and chrominance of full range."""
        return self.photometric_interpretation in ("YBR_FULL", "YBR_FULL_422")

    def require_size(self, rows: int, columns: int, samples: int) -> None:
        """Raises `Invalid` where a codestream's own header tells another size, before it has cost memory."""
        if (rows, columns, samples) == (self.rows, self.columns, self.samples_per_pixel):
            return
        names = "(0028,0010) Rows, (0028,0011) Columns, (0028,0002) SamplesPerPixel"
        said = f"{self.rows}, {self.columns}, {self.samples_per_pixel}"
        raise Invalid(f"{names} are {said}, the compressed frame holds {rows}, {columns}, {samples}")


class Coded(NamedTuple):
    """What a codestream held: `samples` `(rows, columns[, samples])`, and how many low bits of each were coded.

    `ybr`: colour still is luminance and chrominance of full range; otherwise three samples are RGB.
    """

    samples: NDArray[Any]
    precision: int
    ybr: bool = False
