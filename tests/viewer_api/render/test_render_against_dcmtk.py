"""Grey levels against DCMTK's `dcmj2pnm`: windows, VOI and modality LUTs, MONOCHROME1, minimum to maximum."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from file_frames import image_header, saved, shown
from PIL import Image

from viewer_api.render import RenderOptions, Window


def dcmtk_grey(path: Path, folder: Path, *options: str) -> np.ndarray:
    """The first frame as DCMTK shows it, `(rows, columns)`."""
    tool = shutil.which("dcmj2pnm")
    assert tool, "these tests need the DCMTK tools"
    target = folder / "dcmtk.pgm"
    subprocess.run([tool, "-q", "-O", *options, "+op", str(path), str(target)], check=True, timeout=60)
    return np.asarray(Image.open(target)).astype(int)


RAMP = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)


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
    theirs = dcmtk_grey(saved(header, RAMP, tmp_path), tmp_path, *(options or ["+Wi", "1"]))
    assert np.abs(shown(header, RAMP).astype(int) - theirs).max() <= 1
    assert theirs.min() < theirs.max()


@pytest.mark.parametrize(("center", "width"), [(2000, 400), (100.5, 1), (4000.25, 3000.5), (0, 1)])
def test_asked_window_is_dcmtks(center: float, width: float, tmp_path: Path) -> None:
    header = image_header(64, 64, BitsStored=12, HighBit=11, WindowCenter="1", WindowWidth="9")
    theirs = dcmtk_grey(saved(header, RAMP, tmp_path), tmp_path, "+Ww", str(center), str(width))
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
    ours, theirs = shown(header, values), dcmtk_grey(saved(header, values, tmp_path), tmp_path, "+Wm")
    assert ours[:8].max() == 0
    assert theirs[:8].min() == 255
    assert ours[8, 0] == 255
    assert theirs[8, 0] < 170


def test_eight_bits_for_showing_differ_by_purpose(tmp_path: Path) -> None:
    """No window, 8 bits: DCMTK's minimum to maximum would flicker in a loop; as without it, all 256 levels show."""
    values = np.tile(np.arange(50, 114, dtype=np.uint8), (64, 1))
    header = image_header(64, 64, BitsAllocated=8, Modality="US")
    assert np.array_equal(shown(header, values), values)
    assert dcmtk_grey(saved(header, values, tmp_path), tmp_path, "+Wm").max() >= 250
    assert np.array_equal(dcmtk_grey(saved(header, values, tmp_path), tmp_path), values)
