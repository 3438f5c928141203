"""Every image among pydicom's test files becomes a picture, or a clear error."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from file_frames import opened
from pydicom_images import image_paths, taken_apart

from storage.errors import Invalid
from viewer_api.render import RenderOptions, can_render

SIZE = "(0028,0010) Rows, (0028,0011) Columns, (0028,0002) SamplesPerPixel"
REFUSED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": (
        f"{SIZE} are 1024, 256, 1, the compressed frame holds 1024, 3722445056, 1"
    ),
    "MR_truncated.dcm": (
        "(7FE0,0010) PixelData holds 8130 bytes for the frame, "
        "(0028,0010) Rows 64 x (0028,0011) Columns 64 needs 8192"
    ),
    "meta_missing_tsyntax.dcm": "(0028,0004) PhotometricInterpretation is missing",
    "nested_priv_SQ.dcm": "(0028,0004) PhotometricInterpretation is missing",
}

IMAGES = image_paths()
RENDERED = [each for each in IMAGES if each.name not in REFUSED]


def test_there_are_images() -> None:
    assert len(IMAGES) > 150
    assert {each.name for each in IMAGES} >= set(REFUSED)


@pytest.mark.parametrize("path", RENDERED, ids=lambda path: path.name)
def test_image_becomes_a_picture(path: Path) -> None:
    image = taken_apart(path)
    assert can_render(image.header)
    before = copy.deepcopy(image.header)
    for frame_number in {1, len(image.frames)}:
        picture = image.picture(frame_number)
        assert (picture.width, picture.height) == (image.header.Columns, image.header.Rows)
        assert opened(picture.content).size == (picture.width, picture.height)
        assert picture.media_type == "image/jpeg"
    assert image.header == before


@pytest.mark.parametrize("path", RENDERED, ids=lambda path: path.name)
def test_thumbnail_fits(path: Path) -> None:
    picture = taken_apart(path).picture(options=RenderOptions(viewport=(96, 64), media_type="image/png"))
    assert picture.width == 96 or picture.height == 64
    assert opened(picture.content).size == (picture.width, picture.height)


@pytest.mark.parametrize("name", REFUSED)
def test_image_that_cannot_be_shown_says_why(name: str) -> None:
    path = next(each for each in IMAGES if each.name == name)
    with pytest.raises(Invalid) as caught:
        taken_apart(path).picture()
    assert caught.value.message == REFUSED[name]
