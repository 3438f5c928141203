"""What the pictures are made from: a file taken apart into its header and frames, or a header made up here."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from viewer_api.render import RenderOptions, decode_frame, display_values, render_frame

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_ENCAPSULATED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.")


@dataclass(frozen=True)
class FileFrames:
    """A header without pixels; each frame's bytes with the bit at which it begins."""

    header: Dataset
    frames: list[tuple[bytes, int]]
    transfer_syntax_uid: str
    pixel_vr: str

    def stored(self, frame_number: int = 1) -> np.ndarray:
        frame, bit_offset = self.frames[frame_number - 1]
        return decode_frame(
            self.header,
            frame,
            transfer_syntax_uid=self.transfer_syntax_uid,
            frame_number=frame_number,
            bit_offset=bit_offset,
            pixel_vr=self.pixel_vr,
        )

    def displayed(self, frame_number: int = 1, options: RenderOptions | None = None) -> np.ndarray:
        return display_values(
            self.header, self.stored(frame_number), frame_number=frame_number, options=options
        )

    def picture(self, frame_number: int = 1, options: RenderOptions | None = None):
        frame, bit_offset = self.frames[frame_number - 1]
        return render_frame(
            self.header,
            frame,
            transfer_syntax_uid=self.transfer_syntax_uid,
            frame_number=frame_number,
            options=options,
            bit_offset=bit_offset,
            pixel_vr=self.pixel_vr,
        )


def file_frames(path: Path) -> FileFrames | None:
    """The file taken apart; None if it holds no pixels."""
    header = dcmread(path, force=True)
    keyword = next((each for each in _PIXELS if each in header), None)
    if keyword is None:
        return None
    element = header[keyword]
    del header[keyword]
    uid = str(header.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian))
    count = _number_of_frames(header)
    if uid.startswith(_ENCAPSULATED):
        frames = [(each, 0) for each in generate_frames(element.value, number_of_frames=count)]
    else:
        frames = _native_frames(header, element.value, count)
    return FileFrames(header, frames, uid, element.VR)


def _number_of_frames(header: Dataset) -> int:
    try:
        return max(int(header.get("NumberOfFrames") or 1), 1)
    except ValueError:
        return 1


def _native_frames(header: Dataset, data: bytes, count: int) -> list[tuple[bytes, int]]:
    if "Rows" not in header:
        return [(data, 0)]
    bits = header.Rows * header.Columns * header.SamplesPerPixel * header.BitsAllocated
    if header.PhotometricInterpretation == "YBR_FULL_422":
        bits = bits * 2 // 3
    spans = [(index * bits // 8, (index * bits + bits + 7) // 8, index * bits % 8) for index in range(count)]
    # Big endian files pair bytes, so that a frame's last byte may lie one further.
    return [(data[start : end + (end - start) % 2], offset) for start, end, offset in spans]


def image_header(rows: int, columns: int, **attributes: Any) -> Dataset:
    """A 16-bit unsigned MONOCHROME2 header, and what else is said."""
    header = Dataset()
    told = {
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "PixelRepresentation": 0,
        **attributes,
    }
    for keyword, value in told.items():
        setattr(header, keyword, value)
    if "BitsStored" not in told and told["PixelRepresentation"] is not None:
        header.BitsStored = told["BitsAllocated"]
        header.HighBit = told["BitsAllocated"] - 1
    return header


def colour_header(
    rows: int, columns: int, photometric_interpretation: str = "RGB", **attributes: Any
) -> Dataset:
    """An 8-bit colour header, and what else is said."""
    colour = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": photometric_interpretation,
        "BitsAllocated": 8,
    }
    return image_header(rows, columns, **{**colour, "PlanarConfiguration": 0, **attributes})


def decoded(header: Dataset, frame: bytes, uid: str = ExplicitVRLittleEndian, **more: Any) -> np.ndarray:
    """Stored values of the first frame."""
    return decode_frame(header, frame, transfer_syntax_uid=uid, frame_number=1, **more)


def shown(header: Dataset, values: np.ndarray, options: RenderOptions | None = None) -> np.ndarray:
    """What a screen shows of native stored values."""
    stored = decoded(header, np.ascontiguousarray(values).tobytes())
    return display_values(header, stored, frame_number=1, options=options)


def opened(content: bytes) -> Image.Image:
    """An encoded picture, read back."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def saved(header: Dataset, values: np.ndarray, folder: Path) -> Path:
    """The header and its pixels as a file for DCMTK."""
    whole = Dataset()
    whole.update(header)
    whole.file_meta = FileMetaDataset()
    whole.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    whole.PixelData = values.tobytes()
    whole["PixelData"].VR = "OW"
    path = folder / "made.dcm"
    whole.save_as(path, enforce_file_format=True)
    return path
