"""A colour ultrasound loop: four chambers beating, flow in colour, JPEG as most devices send it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import Tag
from pydicom.uid import JPEGBaseline8Bit, UltrasoundMultiFrameImageStorage

from farlight.demo.studies.dataset import Exam, SeriesFacts, new_instance
from farlight.demo.studies.grid import Array
from farlight.demo.studies.heartbeat import Beat
from farlight.demo.studies.patient import AKSU, LI

FRAME_TIME_MS = 50.0
_BEATS_PER_LOOP = 2
_HALF_ANGLE = np.radians(40.0)
_DEPTH_MM = 160.0
_SCALE_MPS = 0.9


def heart_exam(today: date) -> Exam:
    """Two days ago."""
    day = today - timedelta(days=2)
    description = "超声心动图 Echocardiography"
    return Exam("us-heart", LI, AKSU, day, "111824", "AU26111800039", description, "HEART", "Wu^Fang=吴^芳")


def ultrasound(exam: Exam, matrix: int = 640, frames: int = 40) -> Iterator[FileDataset]:
    """One loop of `frames` images, `matrix` wide and three quarters as high."""
    series = SeriesFacts(1, "US", "心尖四腔心 A4C colour Doppler", "Adult Echo", "Far Echo 7", "112230")
    made = new_instance(exam, series, UltrasoundMultiFrameImageStorage, 1)
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made.ImageType = ["ORIGINAL", "PRIMARY", "TTE", "0001"]
    made.PatientOrientation = ""
    sector = Sector(matrix, matrix * 3 // 4)
    with ThreadPoolExecutor(2) as pool:
        pictures = list(pool.map(lambda k: _jpeg(_picture(sector, k, frames)), range(frames)))
    _set_pixels(made, sector, pictures)
    made.SequenceOfUltrasoundRegions = DicomSequence([_region(sector, 1, 1), _region(sector, 2, 0)])
    yield made


@dataclass(frozen=True)
class Sector:
    """Where the fan of a phased array lies in an image of so many columns and rows."""

    columns: int
    rows: int

    @property
    def mm(self) -> float:
        """Size of a pixel."""
        return _DEPTH_MM / (self.rows * 0.85)

    @property
    def apex(self) -> tuple[float, float]:
        """(column, row) of the probe."""
        return self.columns / 2, self.rows * 0.07

    @cached_property
    def lines(self) -> tuple[Array, Array]:
        """(u, d) in mm of every sample: (depths, angles)."""
        depth = np.linspace(0.5, _DEPTH_MM, 320, dtype=np.float32)[:, None]
        angle = np.linspace(-_HALF_ANGLE, _HALF_ANGLE, 168, dtype=np.float32)[None, :]
        return depth * np.sin(angle), depth * np.cos(angle)

    @cached_property
    def places(self) -> tuple[npt.NDArray[np.int64], Array, Array, npt.NDArray[np.bool_]]:
        """For the pixels in the fan: flat sample index, shares of the next depth and angle; and which they are."""
        u = (np.arange(self.columns, dtype=np.float32) - self.apex[0])[None, :] * np.float32(self.mm)
        d = (np.arange(self.rows, dtype=np.float32) - self.apex[1])[:, None] * np.float32(self.mm)
        depth, angle = np.hypot(u, d), np.arctan2(u, d)
        inside = (depth < _DEPTH_MM) & (np.abs(angle) < _HALF_ANGLE) & (depth > 0.5)
        down = (depth - 0.5) / (_DEPTH_MM - 0.5) * 319
        across = (angle + _HALF_ANGLE) / (2 * _HALF_ANGLE) * 167
        row, column = down[inside], across[inside]
        i, j = np.minimum(row.astype(np.int64), 318), np.minimum(column.astype(np.int64), 166)
        return i * 168 + j, (row - i).astype(np.float32), (column - j).astype(np.float32), inside

    def converted(self, samples: Array) -> Array:
        """Samples (depths, angles) -> (rows, columns), linear between, 0 outside the fan."""
        first, s, t, inside = self.places
        flat = samples.ravel()
        corners = (flat.take(first + step) for step in (0, 1, 168, 169))
        near, right, below, across = corners
        near += t * (right - near)
        below += t * (across - below)
        out = np.zeros(inside.shape, np.float32)
        out[inside] = near + s * (below - near)
        return out

    @cached_property
    def box(self) -> npt.NDArray[np.bool_]:
        """The colour box, of samples; (depths, angles)."""
        u, d = self.lines
        angle, depth = np.arctan2(u, d), np.hypot(u, d)
        return (angle > -0.16) & (angle < 0.36) & (depth > 52) & (depth < 138)

    @cached_property
    def box_edge(self) -> npt.NDArray[np.bool_]:
        """The outline of the colour box in the image; (rows, columns)."""
        box = self.converted(self.box.astype(np.float32)) > 0.5
        return (box ^ np.roll(box, 1, axis=0)) | (box ^ np.roll(box, 1, axis=1))


def _picture(sector: Sector, index: int, frames: int) -> Image.Image:
    phase = (index * _BEATS_PER_LOOP / frames) % 1
    beat = Beat(*sector.lines, phase)
    loudness = 20 * np.log10(np.maximum(beat.echo() * _speckle(index / frames), 1e-4))
    grey = sector.converted(np.clip((loudness + 46) / 46, 0, 1).astype(np.float32))
    picture = np.repeat((235 * grey**1.1)[..., None], 3, axis=2)
    _colour(picture, sector, beat, index)
    image = Image.fromarray(np.rint(picture).astype(np.uint8))
    _annotate(image, index, frames)
    return image


def _speckle(turn: float) -> Array:
    """Rayleigh speckle that drifts and comes back with the loop; (depths, angles)."""
    fields = _speckle_fields()
    angle = 2 * np.pi * turn
    real = np.cos(angle) * fields[0] + np.sin(angle) * fields[1]
    imaginary = np.cos(angle) * fields[2] + np.sin(angle) * fields[3]
    return np.asarray(np.hypot(real, imaginary) * np.float32(0.8), np.float32)


@cache
def _speckle_fields() -> Array:
    rng = np.random.default_rng(401)
    noise = rng.standard_normal((4, 322, 172), dtype=np.float32)
    smooth = noise[:, 1:-1] + 0.55 * (noise[:, :-2] + noise[:, 2:])
    across = (smooth[..., 1:-3] + smooth[..., 2:-2]) + 0.5 * (smooth[..., :-4] + smooth[..., 3:-1])
    return np.asarray(across / across.std(), np.float32)


def _colour(picture: Array, sector: Sector, beat: Beat, index: int) -> None:
    """Flow over grey inside the colour box: red and yellow towards the probe, blue and cyan away."""
    ripple = 0.06 * np.random.default_rng(420 + index).standard_normal(beat.u.shape)
    speed = sector.converted(
        (np.where(sector.box, beat.flow_m_per_s() * (1 + ripple), 0) / _SCALE_MPS).astype(np.float32)
    )
    strong = np.abs(speed) > 0.09
    fast = np.clip(np.abs(speed[strong]), 0, 1)
    towards = speed[strong] > 0
    bright = 255 * np.clip(0.35 + fast, 0, 1)
    second = 255 * np.clip(fast * 1.5 - 0.55, 0, 0.9)
    rest = np.full_like(bright, 15)
    red = np.stack([bright, second, rest], axis=-1)
    picture[strong] = np.where(towards[:, None], red, red[:, ::-1])
    picture[sector.box_edge] = (190, 190, 190)


def _annotate(image: Image.Image, index: int, frames: int) -> None:
    """Depth marks, the colour scale, technique and the ECG; nothing of the patient."""
    draw, (width, height) = ImageDraw.Draw(image), image.size
    font = ImageFont.load_default(max(8, height // 38))
    notes = ("Adult Echo  S5-1", "20 Hz  16.0 cm", "TIS 0.8  MI 1.2", "2D 58%  C 46", "CF 62%  2.0 MHz")
    for line, text in enumerate(notes):
        draw.text((width * 0.012, height * (0.03 + 0.036 * line)), text, fill=(200, 205, 210), font=font)
    for cm in range(0, 17, 2):
        y = height * (0.07 + 0.85 * cm / 16)
        draw.line((width * 0.965, y, width * (0.975 if cm % 4 else 0.985), y), fill=(200, 205, 210))
    _scale(draw, width, height, font)
    _ecg(draw, width, height, index, frames)


def _scale(
    draw: ImageDraw.ImageDraw, width: int, height: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
) -> None:
    top, tall = int(height * 0.08), int(height * 0.24)
    for row in range(tall):
        level = 1 - 2 * row / tall
        warm = (
            int(255 * min(1, 0.35 + abs(level))),
            int(255 * max(0, min(0.9, abs(level) * 1.5 - 0.55))),
            15,
        )
        shade = (0, 0, 0) if abs(level) < 0.07 else warm if level > 0 else warm[::-1]
        draw.line((width * 0.90, top + row, width * 0.918, top + row), fill=shade)
    draw.text(
        (width * 0.885, top - height * 0.035), f"+{_SCALE_MPS * 100:.0f}", fill=(200, 205, 210), font=font
    )
    draw.text((width * 0.885, top + tall), f"-{_SCALE_MPS * 100:.0f} cm/s", fill=(200, 205, 210), font=font)


def _ecg(draw: ImageDraw.ImageDraw, width: int, height: int, index: int, frames: int) -> None:
    x = np.arange(width)
    phase = (x / width * _BEATS_PER_LOOP) % 1
    waves = (
        (0.0, 0.012, 1.0),
        (1.0, 0.012, 1.0),
        (0.035, 0.012, -0.25),
        (0.33, 0.05, 0.24),
        (0.85, 0.03, 0.14),
    )
    trace = sum(size * np.exp(-(((phase - at) / wide) ** 2)) for at, wide, size in waves)
    y = height * 0.975 - trace * height * 0.055
    draw.line(list(zip(x.tolist(), np.asarray(y).tolist(), strict=True)), fill=(60, 220, 90))
    now = width * index / frames
    draw.line((now, height * 0.91, now, height * 0.99), fill=(250, 230, 80))


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=88, subsampling="4:2:2")
    return buffer.getvalue()


def _set_pixels(made: FileDataset, sector: Sector, pictures: list[bytes]) -> None:
    """Image Pixel, Cine, Multi-frame and US Image modules (PS3.3 C.7.6.3, C.7.6.5, C.7.6.6, C.8.5.6)."""
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "YBR_FULL_422", 0
    made.Rows, made.Columns = sector.rows, sector.columns
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.NumberOfFrames, made.FrameIncrementPointer = len(pictures), Tag(0x0018, 0x1063)
    made.FrameTime, made.CineRate, made.RecommendedDisplayFrameRate = FRAME_TIME_MS, 20, 20
    made.StartTrim, made.StopTrim, made.PreferredPlaybackSequencing = 1, len(pictures), 0
    made.HeartRate, made.UltrasoundColorDataPresent, made.BurnedInAnnotation = 60, 1, "NO"
    made.LossyImageCompression, made.LossyImageCompressionMethod = "01", "ISO_10918_1"
    raw = sector.rows * sector.columns * 3 * len(pictures)
    made.LossyImageCompressionRatio = round(raw / sum(map(len, pictures)), 2)
    made.PixelData = encapsulate(pictures)
    made["PixelData"].is_undefined_length = True


def _region(sector: Sector, data_type: int, flags: int) -> Dataset:
    """A calibrated area (PS3.3 C.8.5.5): 1 is tissue, 2 is colour flow; centimetres a pixel."""
    item = Dataset()
    half = sector.rows * 0.85 * float(np.sin(_HALF_ANGLE))
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, data_type, flags
    item.RegionLocationMinX0, item.RegionLocationMaxX1 = (
        int(sector.apex[0] - half),
        int(sector.apex[0] + half),
    )
    item.RegionLocationMinY0, item.RegionLocationMaxY1 = int(sector.apex[1]), int(sector.rows * 0.92)
    item.ReferencePixelX0, item.ReferencePixelY0 = int(half), 0
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.ReferencePixelPhysicalValueX = item.ReferencePixelPhysicalValueY = 0.0
    item.PhysicalDeltaX = item.PhysicalDeltaY = sector.mm / 10
    return item
