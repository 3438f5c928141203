"""How true pictures are: one line for each image, compared with a second decoder and with DCMTK's dcmj2pnm.

Run as a program it writes docs/fidelity.md, which the tests hold to be true.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from file_frames import FileFrames
from PIL import Image
from pydicom.uid import UID
from pydicom_images import image_paths, taken_apart
from second_opinion import Refused, second_decoder, shown_elsewhere, stored_elsewhere

from storage.codecs.jpeg_header import jpeg_header
from storage.errors import Invalid
from viewer_api.render import RenderOptions

DOCUMENT = Path(__file__).parents[3] / "docs" / "fidelity.md"
HEAD = "|---|---|---|---|---|---|---|\n"
"""What stands above the first line of the table."""
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{each}" for each in (50, 51, 53, 55, 81, 91, 112, 203))
LOSSY_TOLERANCE = 2
"""Levels between two decoders of one lossy stream, each of which may round every step its own way."""
SHOWN_TOLERANCE = 1


@dataclass(frozen=True)
class Line:
    """One image. `stored` and `shown` are the largest differences, None where nobody else reads or shows it."""

    name: str
    transfer_syntax: str
    pixels: str
    decoder: str
    stored: int | None
    shown: int | None
    remark: str

    @property
    def text(self) -> str:
        """The line of the table."""
        cells = (
            self.name,
            self.transfer_syntax,
            self.pixels,
            self.decoder,
            _told(self.stored),
            _told(self.shown),
        )
        return f"| {' | '.join(cells)} | {self.remark} |"


def line(path: Path) -> Line:
    """Compare an image; raises `Invalid` if it is none that we show."""
    image = taken_apart(path)
    header = image.header
    sign = " signed" if header.get("PixelRepresentation") else ""
    bits = f"{header.BitsAllocated}/{header.get('BitsStored', header.BitsAllocated)}{sign}"
    with tempfile.TemporaryDirectory() as folder:
        stored, remark = _stored_difference(path, image, Path(folder))
        shown, remark_shown = _shown_difference(path, image, Path(folder))
    return Line(
        path.name.replace("|", " "),
        UID(image.transfer_syntax_uid).name,
        f"{header.PhotometricInterpretation} {bits}",
        second_decoder(image.transfer_syntax_uid),
        stored,
        shown,
        "; ".join(each for each in (remark, remark_shown) if each),
    )


def _stored_difference(path: Path, image: FileFrames, folder: Path) -> tuple[int | None, str]:
    worst = 0.0
    for frame_number in {1, len(image.frames)}:
        ours = image.stored(frame_number)
        try:
            theirs = stored_elsewhere(path, image, folder, frame_number)
        except Refused as why:
            return None, str(why)
        worst = max(worst, float(np.abs(ours.astype(np.float64) - theirs).max()))
    tolerance = LOSSY_TOLERANCE if image.transfer_syntax_uid in LOSSY else 0
    return int(np.ceil(worst)), _colour_of_jpeg(image) if worst > tolerance else ""


def _shown_difference(path: Path, image: FileFrames, folder: Path) -> tuple[int | None, str]:
    picture = image.picture(options=RenderOptions(media_type="image/png"))
    ours = np.asarray(Image.open(io.BytesIO(picture.content))).astype(int)
    try:
        theirs = shown_elsewhere(path, image, folder, *_same_window(image, ours))
    except Refused as why:
        return None, str(why)
    if theirs.ndim < ours.ndim:
        theirs = theirs[..., np.newaxis]
    difference = int(np.abs(ours - theirs).max())
    return difference, _purpose(image) if difference > SHOWN_TOLERANCE else ""


def _same_window(image: FileFrames, ours: np.ndarray) -> list[str]:
    """The options by which DCMTK picks what we pick: its own reading of the header, else smallest to largest."""
    header = image.header
    if not header.PhotometricInterpretation.startswith("MONOCHROME"):
        return []
    if "VOILUTSequence" in header:
        return ["+Wl", "1"]
    if header.get("WindowWidth"):
        return ["+Wi", "1"]
    written_for_showing = header.get("BitsStored") == 8 and np.array_equal(ours, image.stored())
    return [] if written_for_showing else ["+Wm"]


def _purpose(image: FileFrames) -> str:
    """The clause by which a picture differs from DCMTK's, by what the image has; empty if there is none."""
    header = image.header
    first, *_ = image.frames
    reasons = {
        "PS3.3 C.7.6.19: a range of values is shown in colour, which DCMTK leaves grey": (
            header.get("PixelPresentation") in ("COLOR", "MIXED")
        ),
        "PS3.5 7.3: words of 32 bits in a big endian file, of which DCMTK swaps the halves": (
            image.transfer_syntax_uid == "1.2.840.10008.1.2.2" and header.BitsAllocated == 32
        ),
        "PS3.3 C.7.6.3.1.2: chrominance is zero at 128, which DCMTK takes for 127.5": (
            header.PhotometricInterpretation.startswith("YBR_FULL")
        ),
        "PS3.3 C.7.6.16.2.10: the window stands in the frame's functional group, which this DCMTK does not read": (
            "SharedFunctionalGroupsSequence" in header
        ),
        "PS3.3 C.7.5.1.1.2: padding is no part of the range, and black": "PixelPaddingValue" in header,
        _colour_of_jpeg(image): image.transfer_syntax_uid.endswith(".4.50") and jpeg_header(first[0]).jfif,
        "PS3.5 6.2: a window of no number is none": not np.isfinite(_window_center(image)),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _colour_of_jpeg(image: FileFrames) -> str:
    said = image.header.PhotometricInterpretation
    return f"ITU-T T.871: a JFIF stream is YCbCr, though the header says {said}" if said == "RGB" else ""


def _window_center(image: FileFrames) -> float:
    value = image.header.get("WindowCenter") or 0
    return float(value[0] if isinstance(value, list | tuple) else value)


def _told(difference: int | None) -> str:
    if difference is None:
        return "-"
    return f"within {difference}" if difference else "equal"


def lines() -> list[Line]:
    """All images that we show, by name."""
    return [line(path) for path in image_paths() if is_shown(path)]


def is_shown(path: Path) -> bool:
    """Whether its first frame becomes a picture."""
    try:
        taken_apart(path).picture()
    except Invalid:
        return False
    return True


def main() -> None:
    """Write the table anew; the text above it stays."""
    above, row, _ = DOCUMENT.read_text().partition(HEAD)
    DOCUMENT.write_text(above + row + "".join(f"{each.text}\n" for each in lines()))


if __name__ == "__main__":
    main()
