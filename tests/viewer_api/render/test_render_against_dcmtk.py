"""Grey levels against DCMTK's `dcmj2pnm`: windows, VOI and modality LUTs, MONOCHROME1, minimum to maximum."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from file_frames import image_header, shown
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from pydicom_images import image_paths, monochrome, taken_apart
from test_render_pydicom_files import REFUSED

from viewer_api.render import RenderOptions, Window

# What this DCMTK has no decoder for; the pixels are compared with pydicom's, the same windows with other files.
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
# Where we differ on purpose.
DIFFERENT = {
    # PS3.3 C.7.6.19: the range of the supplemental palette is coloured; DCMTK shows it grey.
    "eCT_Supplemental.dcm",
    # 32-bit words in a retired encoding: DCMTK swaps them in halves, we and pydicom in whole.
    "rtdose_expb.dcm",
    "rtdose_expb_1frame.dcm",
}


def _comparable(path: Path) -> bool:
    named_elsewhere = path.name in DIFFERENT or path.name in REFUSED
    return monochrome(path) and not named_elsewhere and taken_apart(path).transfer_syntax_uid not in JPEG_2000


COMPARED = [each for each in image_paths() if _comparable(each)]


def dcmtk_grey(path: Path, folder: Path, *options: str) -> np.ndarray:
    """The first frame as DCMTK shows it, `(rows, columns)`."""
    jpeg_ls = dcmread(path, force=True, stop_before_pixels=True).file_meta.get("TransferSyntaxUID", "")
    tool = shutil.which("dcml2pnm" if jpeg_ls.endswith((".80", ".81")) else "dcmj2pnm")
    assert tool, "these tests need the DCMTK tools"
    target = folder / "dcmtk.pgm"
    subprocess.run([tool, "-q", "-O", *options, "+op", str(path), str(target)], check=True, timeout=60)
    return np.asarray(Image.open(target)).astype(int)


def _same_window(header: Dataset) -> list[str]:
    """The options by which DCMTK picks what we pick."""
    if "VOILUTSequence" in header:
        return ["+Wl", "1"]
    return ["+Wi", "1"] if header.get("WindowWidth") else ["+Wm"]


def test_there_is_something_to_compare() -> None:
    assert len(COMPARED) > 60


@pytest.mark.parametrize("path", COMPARED, ids=lambda path: path.name)
def test_grey_levels_are_dcmtks(path: Path, tmp_path: Path) -> None:
    image = taken_apart(path)
    ours = image.displayed().astype(int)
    theirs = dcmtk_grey(path, tmp_path, *_same_window(image.header))
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_twelve_bit_jpeg_is_dcmtks(name: str, tmp_path: Path) -> None:
    tool = shutil.which("dcmdjpeg")
    assert tool, "these tests need the DCMTK tools"
    path = next(each for each in image_paths() if each.name == name)
    subprocess.run([tool, "-q", str(path), str(tmp_path / "native.dcm")], check=True, timeout=60)
    theirs = dcmread(tmp_path / "native.dcm").pixel_array
    ours = taken_apart(path).stored()
    assert ours.dtype == theirs.dtype
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


RAMP = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)


def _saved(header: Dataset, values: np.ndarray, folder: Path) -> Path:
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


MADE = {
    "monochrome1": (
        {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": "2000", "WindowWidth": "1500"},
        [],
    ),
    "monochrome1 with shape": (
        {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE", "Modality": "DX"},
        ["+Wm"],
    ),
    "shape alone": ({"PresentationLUTShape": "INVERSE"}, ["+Wm"]),
    "narrow": ({"WindowCenter": "2048", "WindowWidth": "2"}, []),
    "one wide": ({"WindowCenter": "2048.5", "WindowWidth": "1"}, []),
    "rescaled": (
        {"WindowCenter": "40", "WindowWidth": "400", "RescaleSlope": "0.5", "RescaleIntercept": "-1000"},
        [],
    ),
    "negative slope": (
        {"WindowCenter": "-500", "WindowWidth": "900", "RescaleSlope": "-0.25", "RescaleIntercept": "0"},
        [],
    ),
    "sigmoid": ({"WindowCenter": "2000", "WindowWidth": "900", "VOILUTFunction": "SIGMOID"}, []),
    "first of several": ({"WindowCenter": ["1000", "3000"], "WindowWidth": ["500", "100"]}, []),
    "high bits": ({"BitsStored": 12, "HighBit": 15, "WindowCenter": "128", "WindowWidth": "256"}, []),
}


@pytest.mark.parametrize("name", MADE)
def test_made_up_image_is_dcmtks(name: str, tmp_path: Path) -> None:
    attributes, options = MADE[name]
    header = image_header(64, 64, **{"BitsStored": 12, "HighBit": 11, **attributes})
    theirs = dcmtk_grey(_saved(header, RAMP, tmp_path), tmp_path, *(options or ["+Wi", "1"]))
    assert np.abs(shown(header, RAMP).astype(int) - theirs).max() <= 1
    assert theirs.min() < theirs.max()


@pytest.mark.parametrize(("center", "width"), [(2000, 400), (100.5, 1), (4000.25, 3000.5), (0, 1)])
def test_asked_window_is_dcmtks(center: float, width: float, tmp_path: Path) -> None:
    header = image_header(64, 64, BitsStored=12, HighBit=11, WindowCenter="1", WindowWidth="9")
    theirs = dcmtk_grey(_saved(header, RAMP, tmp_path), tmp_path, "+Ww", str(center), str(width))
    ours = shown(header, RAMP, RenderOptions(window=Window(center, width)))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_padding_differs_by_purpose(tmp_path: Path) -> None:
    """PS3.3 C.7.5.1.1.2: padding is no part of the image, so it is black and no part of the range; in DCMTK it is."""
    values = RAMP + 2000
    values[:8] = 0
    attributes = {
        "BitsStored": 13,
        "HighBit": 12,
        "PixelPaddingValue": 0,
        "PhotometricInterpretation": "MONOCHROME1",
    }
    header = image_header(64, 64, **attributes)
    ours, theirs = shown(header, values), dcmtk_grey(_saved(header, values, tmp_path), tmp_path, "+Wm")
    assert ours[:8].max() == 0
    assert theirs[:8].min() == 255
    assert ours[8, 0] == 255
    assert theirs[8, 0] < 170


def test_eight_bits_for_showing_differ_by_purpose(tmp_path: Path) -> None:
    """No window, 8 bits: DCMTK's minimum to maximum would flicker in a loop; as without it, all 256 levels show."""
    values = np.tile(np.arange(50, 114, dtype=np.uint8), (64, 1))
    header = image_header(64, 64, BitsAllocated=8, Modality="US")
    assert np.array_equal(shown(header, values), values)
    assert dcmtk_grey(_saved(header, values, tmp_path), tmp_path, "+Wm").max() >= 250
    assert np.array_equal(dcmtk_grey(_saved(header, values, tmp_path), tmp_path), values)
