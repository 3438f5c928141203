"""Overlay planes: where they lie, which frame they are for, how they are drawn; against DCMTK's dcmj2pnm."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from file_frames import colour_header, image_header, opened, saved
from PIL import Image
from pydicom import Dataset
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
)

from viewer_api.render import RenderOptions, render_frame

RAMP = (np.arange(256, dtype=np.uint16) * 16).reshape(16, 16)
BITS = np.zeros((8, 7), np.bool_)
BITS[2:6, 1:6] = True
BITS[0, 0] = True
WINDOW = {"BitsStored": 12, "HighBit": 11, "WindowCenter": "2048", "WindowWidth": "4096"}


def with_plane(header: Dataset, planes: np.ndarray = BITS, group: int = 0x6000, **more: object) -> Dataset:
    """The header with `planes` `([frames,] rows, columns)` as an overlay."""
    told = {
        (0x0010, "US"): planes.shape[-2],
        (0x0011, "US"): planes.shape[-1],
        (0x0040, "CS"): more.get("kind", "G"),
        (0x0050, "SS"): more.get("origin", [1, 1]),
        (0x0100, "US"): 1,
        (0x0102, "US"): 0,
    }
    if "frame_origin" in more:
        told[0x0051, "US"] = more["frame_origin"]
    if planes.ndim == 3:
        told[0x0015, "IS"] = str(len(planes))
    packed = np.packbits(planes.reshape(-1), bitorder="little").tobytes()
    told[0x3000, "OW"] = packed + b"\0" * (len(packed) % 2)
    for (element, vr), value in told.items():
        header.add_new((group, element), vr, value)
    return header


def shown(header: Dataset, values: np.ndarray = RAMP, frame_number: int = 1, **options: object) -> np.ndarray:
    picture = render_frame(
        header,
        values.tobytes(),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        frame_number=frame_number,
        options=RenderOptions(media_type="image/png", **options),
    )
    return np.asarray(opened(picture.content))


def drawn(header: Dataset, **more: object) -> np.ndarray:
    """Where the overlays of a black image are."""
    return shown(header, np.zeros_like(RAMP), **more) == 255


def dcmtk(header: Dataset, values: np.ndarray, folder: Path) -> np.ndarray:
    """The same as dcmj2pnm shows it."""
    made = saved(header, values, folder)
    tool = shutil.which("dcmj2pnm")
    assert tool, "these tests need the DCMTK tools"
    command = [tool, "-q", "+Wi", "1", "+op", str(made), str(folder / "made.pnm")]
    subprocess.run(command, check=True, timeout=60)
    return np.asarray(Image.open(folder / "made.pnm")).astype(int)


@pytest.mark.parametrize("origin", [[1, 1], [4, 6], [0, -1], [-3, 12], [14, 14], [40, 40], [-40, 3]])
@pytest.mark.parametrize("photometric_interpretation", ["MONOCHROME1", "MONOCHROME2"])
def test_graphics_are_dcmtks(origin: list[int], photometric_interpretation: str, tmp_path: Path) -> None:
    header = image_header(16, 16, PhotometricInterpretation=photometric_interpretation, **WINDOW)
    with_plane(header, origin=origin)
    assert np.abs(shown(header) - dcmtk(header, RAMP, tmp_path)).max() <= 1


def test_several_groups_are_drawn(tmp_path: Path) -> None:
    header = with_plane(image_header(16, 16, **WINDOW))
    with_plane(header, BITS.T, group=0x601E, origin=[5, 9])
    assert np.abs(shown(header) - dcmtk(header, RAMP, tmp_path)).max() <= 1


def test_bits_of_pixels_that_an_overlay_names(tmp_path: Path) -> None:
    """PS3.5-2004 8.1.2: bit 14 is an overlay; what lies in the other unused bits is garbage, and not drawn."""
    plane = np.zeros((16, 16), np.bool_)
    plane[3:6, 2:9] = True
    words = RAMP | (plane.astype(np.uint16) << 14) | (np.uint16(0b1011) << 12)
    header = image_header(16, 16, **WINDOW)
    assert np.array_equal(shown(header, words), shown(header))
    for element, vr, value in [(0x10, "US", 16), (0x11, "US", 16), (0x40, "CS", "G"), (0x50, "SS", [1, 1])]:
        header.add_new((0x6002, element), vr, value)
    header.add_new((0x6002, 0x0100), "US", 16)
    header.add_new((0x6002, 0x0102), "US", 14)
    assert np.array_equal(shown(header, words) == 255, plane | (shown(header) == 255))
    assert np.abs(shown(header, words) - dcmtk(header, words, tmp_path)).max() <= 1


def test_frames() -> None:
    """PS3.3 C.9.3.1: planes belong to frames one by one, from the frame of origin on; without one, to all."""
    planes = np.stack([np.roll(BITS, shift, axis=1) for shift in range(3)])
    header = with_plane(image_header(16, 16, **WINDOW), planes, frame_origin=2)
    at = [drawn(header, frame_number=number)[:8, :7] for number in range(1, 6)]
    assert [found.any() for found in at] == [False, True, True, True, False]
    assert all(np.array_equal(found, plane) for found, plane in zip(at[1:], planes, strict=False))
    alone = with_plane(image_header(16, 16, **WINDOW))
    assert all(drawn(alone, frame_number=number)[:8, :7].any() for number in (1, 7))
    bound = with_plane(image_header(16, 16, **WINDOW), frame_origin=4)
    assert [drawn(bound, frame_number=number).any() for number in (3, 4, 5)] == [False, True, False]


def test_region_is_drawn_as_its_outline() -> None:
    """How a plane is rendered is open (PS3.3 C.9.2); what a region is about must stay visible. DCMTK dims the rest."""
    outline = BITS.copy()
    outline[3:5, 2:5] = False
    assert np.array_equal(
        drawn(with_plane(image_header(16, 16, **WINDOW), kind="R"))[:8, :7],
        outline,
    )


def test_colour_is_drawn_white() -> None:
    header = with_plane(colour_header(16, 16))
    assert np.array_equal((shown(header, np.zeros((16, 16, 3), np.uint8)) == 255).all(axis=-1)[:8, :7], BITS)


def test_planes_can_be_left_out() -> None:
    header = with_plane(image_header(16, 16, **WINDOW))
    assert np.array_equal(shown(header, overlays=False), shown(image_header(16, 16, **WINDOW)))


def test_words_of_a_big_endian_file() -> None:
    header = with_plane(image_header(16, 16, **WINDOW))
    words = np.frombuffer(header[0x6000, 0x3000].value, "u2").byteswap().tobytes()
    header.add_new((0x6000, 0x3000), "OW", words)
    header.set_original_encoding(False, False)
    picture = render_frame(
        header,
        bytes(512),
        transfer_syntax_uid=ExplicitVRBigEndian,
        frame_number=1,
        options=RenderOptions(media_type="image/png"),
    )
    assert np.array_equal((np.asarray(opened(picture.content)) == 255)[:8, :7], BITS)


@pytest.mark.parametrize(
    ("element", "vr", "value"),
    [
        (0x0010, "US", 0),
        (0x0010, "US", 65535),
        (0x0011, "US", None),
        (0x0015, "LO", "many"),
        (0x0050, "SS", None),
        (0x0051, "US", 9),
        (0x3000, "OW", b""),
        (0x3000, "OW", b"\xff\xff"),
        (0x0102, "US", 700),
    ],
)
def test_plane_that_makes_no_sense_withholds_no_picture(element: int, vr: str, value: object) -> None:
    header = with_plane(image_header(16, 16, **WINDOW))
    header.add_new((0x6000, element), vr, value)
    assert shown(header).shape == (16, 16)
