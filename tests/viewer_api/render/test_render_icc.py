"""Device colours: what a profile says of them is what a screen shows (PS3.3 C.11.15)."""

from __future__ import annotations

import io

import numpy as np
import pytest
from file_frames import colour_header, image_header, opened
from PIL import Image, ImageCms
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from storage.errors import Invalid
from viewer_api.render import RenderOptions, render_frame
from viewer_api.render.icc import well_known_profile

COLOURS = np.random.default_rng(3).integers(0, 256, (8, 9, 3), dtype=np.uint8)
SPACES = ("srgb", "adobergb", "rommrgb", "displayp3")


def picture(
    header: Dataset, values: np.ndarray = COLOURS, *, frame_number: int = 1, **options: object
) -> Image.Image:
    options = RenderOptions(**{"media_type": "image/png", **options})
    made = render_frame(
        header,
        values.tobytes(),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        frame_number=frame_number,
        options=options,
    )
    return opened(made.content)


def profiled(profile: str = "adobergb", **attributes: object) -> Dataset:
    return colour_header(8, 9, ICCProfile=well_known_profile(profile), **attributes)


def by_formula(adobe: np.ndarray) -> np.ndarray:
    """Adobe RGB (1998) to sRGB: gamma 563/256, both with the white of D65, so that one matrix does it."""
    linear = (adobe / 255) ** (563 / 256)
    to_srgb = np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]])
    light = np.clip(linear @ to_srgb.T, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_colours_become_srgb() -> None:
    shown = picture(profiled())
    assert np.abs(np.asarray(shown) - by_formula(COLOURS)).max() <= 3
    assert np.abs(by_formula(COLOURS) - COLOURS).max() > 20
    assert "icc_profile" not in shown.info


def test_profile_of_a_slide() -> None:
    """PS3.3 C.8.12.5: it stands in the item of the optical path."""
    path = Dataset()
    path.ICCProfile = well_known_profile("adobergb")
    slide = picture(colour_header(8, 9, OpticalPathSequence=[path]))
    assert np.array_equal(np.asarray(slide), np.asarray(picture(profiled())))


def test_each_frame_of_a_slide_has_the_profile_of_its_path() -> None:
    """(0048,0207) OpticalPathIdentificationSequence of the frame names its path."""
    paths, frames = [], []
    for name in ("plain", "coloured"):
        path, frame, named = Dataset(), Dataset(), Dataset()
        path.OpticalPathIdentifier = named.OpticalPathIdentifier = name
        path.ICCProfile = well_known_profile("srgb" if name == "plain" else "adobergb")
        frame.OpticalPathIdentificationSequence = [named]
        paths.append(path)
        frames.append(frame)
    header = colour_header(8, 9, OpticalPathSequence=paths, PerFrameFunctionalGroupsSequence=frames)
    assert np.array_equal(np.asarray(picture(header)), COLOURS)
    assert np.array_equal(np.asarray(picture(header, frame_number=2)), np.asarray(picture(profiled())))


@pytest.mark.parametrize("header", [profiled("srgb"), colour_header(8, 9)], ids=["sRGB", "no profile"])
def test_srgb_stays_as_it_is(header: Dataset) -> None:
    assert np.array_equal(np.asarray(picture(header)), COLOURS)


def test_no_profile_leaves_the_colours_alone() -> None:
    shown = picture(profiled(), icc_profile="no")
    assert np.array_equal(np.asarray(shown), COLOURS)
    assert "icc_profile" not in shown.info


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_own_profile_goes_with_the_picture(media_type: str) -> None:
    shown = picture(profiled(), icc_profile="yes", media_type=media_type)
    assert shown.info["icc_profile"] == well_known_profile("adobergb")
    assert picture(colour_header(8, 9), icc_profile="yes").info["icc_profile"] == well_known_profile("srgb")


@pytest.mark.parametrize("space", SPACES)
def test_space_that_was_asked_for(space: str) -> None:
    """Whatever the space, by its profile the picture shows the same colours."""
    muted = 100 + COLOURS // 6
    shown = picture(colour_header(8, 9), muted, icc_profile=space)
    profile = shown.info["icc_profile"]
    assert profile == well_known_profile(space)
    back = ImageCms.profileToProfile(shown, io.BytesIO(profile), io.BytesIO(well_known_profile("srgb")))
    assert np.abs(np.asarray(back).astype(int) - muted).max() <= 2
    assert np.array_equal(np.asarray(shown), muted) == (space == "srgb")


def test_grey_has_no_profile() -> None:
    values = np.zeros((8, 9), np.uint16)
    assert "icc_profile" not in picture(image_header(8, 9), values, icc_profile="yes").info


@pytest.mark.parametrize("profile", [b"", bytes(200), well_known_profile("adobergb")[:400]])
def test_broken_profile_withholds_no_picture(profile: bytes) -> None:
    assert np.array_equal(np.asarray(picture(colour_header(8, 9, ICCProfile=profile))), COLOURS)


def test_space_that_is_none() -> None:
    with pytest.raises(Invalid, match="iccprofile is one of no, yes, srgb, adobergb, rommrgb, displayp3"):
        RenderOptions(icc_profile="cmyk")
