"""Pictures: their size, form and quality, and what may be asked of them."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from file_frames import colour_header, image_header, opened
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pydicom_images import image_paths, taken_apart

from storage.errors import Invalid
from viewer_api.render import Picture, RenderOptions, Window, render_frame
from viewer_api.render.picture import fitted_size

RAMP = np.tile(np.arange(200, dtype=np.uint16), (100, 1))


def picture_of(header: Dataset, values: np.ndarray = RAMP, **options: object) -> Picture:
    told = {"transfer_syntax_uid": ExplicitVRLittleEndian, "frame_number": 1}
    return render_frame(header, values.tobytes(), **told, options=RenderOptions(**options))


@pytest.mark.parametrize(
    ("media_type", "form"), [("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/webp", "WEBP")]
)
@pytest.mark.parametrize("colour", [False, True])
def test_forms(media_type: str, form: str, colour: bool) -> None:
    header = colour_header(100, 200) if colour else image_header(100, 200)
    values = np.full((100, 200, 3), [200, 40, 90], np.uint8) if colour else RAMP
    picture = picture_of(header, values, media_type=media_type)
    image = opened(picture.content)
    assert (image.format, image.size, picture.media_type) == (form, (200, 100), media_type)
    if colour:
        assert np.abs(np.asarray(image)[50, 100].astype(int) - [200, 40, 90]).max() <= 4


def test_png_loses_nothing() -> None:
    header = image_header(100, 200, Modality="MR", WindowCenter="100", WindowWidth="201")
    grey = np.asarray(opened(picture_of(header, media_type="image/png").content))
    assert np.array_equal(grey, np.rint((RAMP + 0.5) / 200 * 255 - 0.0001))


def test_quality_is_heard() -> None:
    noise = np.random.default_rng(5).integers(0, 4096, (200, 200), dtype=np.uint16)
    for media_type in ("image/jpeg", "image/webp"):
        sizes = [
            len(picture_of(image_header(200, 200), noise, media_type=media_type, quality=quality).content)
            for quality in (20, 60, 95)
        ]
        assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("viewport", "size"),
    [
        ((100, 100), (100, 50)),
        ((50, 10), (20, 10)),
        ((400, 400), (400, 200)),
        ((1, 1), (1, 1)),
        ((200, 100), (200, 100)),
    ],
)
def test_viewport_is_filled_in_one_direction(viewport: tuple[int, int], size: tuple[int, int]) -> None:
    picture = picture_of(image_header(100, 200), viewport=viewport)
    assert (picture.width, picture.height) == size
    assert opened(picture.content).size == size


@given(st.integers(1, 60000), st.floats(0.1, 60000), st.tuples(st.integers(1, 8192), st.integers(1, 8192)))
def test_fitted_size(width: int, height: float, viewport: tuple[int, int]) -> None:
    fitted = fitted_size(width, height, viewport)
    assert all(1 <= side <= limit for side, limit in zip(fitted, viewport, strict=True))
    assert any(side == limit for side, limit in zip(fitted, viewport, strict=True))
    scale = min(viewport[0] / width, viewport[1] / height)
    assert abs(fitted[0] - max(1, width * scale)) <= 0.5 + 1e-6
    assert abs(fitted[1] - max(1, height * scale)) <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"PixelSpacing": ["1", "0.5"]}, (100, 100)),
        ({"PixelSpacing": ["0.5", "1"]}, (100, 25)),
        ({"ImagerPixelSpacing": ["2", "1"]}, (100, 100)),
        ({"PixelAspectRatio": ["2", "1"]}, (100, 100)),
        ({"PixelSpacing": ["1", "0.999"]}, (100, 50)),
        ({"PixelSpacing": ["0", "1"]}, (100, 50)),
        ({"PixelSpacing": ["1", "1"], "PixelAspectRatio": ["2", "1"]}, (100, 50)),
        ({"PixelSpacing": ["1000", "1"]}, (100, 50)),
    ],
)
def test_uneven_pixels(attributes: dict[str, list[str]], size: tuple[int, int]) -> None:
    """All of these tell the vertical measure first (PS3.3 10.7.1.1, C.7.6.3.1.7)."""
    header = image_header(100, 200, **attributes)
    fitted = picture_of(header, viewport=(100, 100))
    assert (fitted.width, fitted.height) == size
    plain = picture_of(header)
    assert (plain.width, plain.height) == (200, 100)


def test_uneven_pixels_of_one_frame() -> None:
    measures, group = Dataset(), Dataset()
    measures.PixelSpacing = ["1", "0.5"]
    group.PixelMeasuresSequence = [measures]
    header = image_header(100, 200, SharedFunctionalGroupsSequence=[group], PixelSpacing=["1", "1"])
    assert picture_of(header, viewport=(100, 100)).height == 100


def test_shrinking_keeps_brightness() -> None:
    """A thumbnail averages; it does not pick every tenth pixel."""
    stripes = np.zeros((100, 200), np.uint16)
    stripes[:, ::2] = 4095
    header = image_header(100, 200, WindowCenter="2048", WindowWidth="4096")
    grey = np.asarray(opened(picture_of(header, stripes, viewport=(20, 20), media_type="image/png").content))
    assert np.abs(grey.astype(int) - 128).max() <= 8


def test_window_that_was_applied_is_told() -> None:
    header = image_header(100, 200, Modality="CT")
    assert picture_of(header).window == Window(100, 200)
    asked = Window(40, 400, "SIGMOID")
    assert picture_of(header, window=asked).window == asked


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"media_type": "image/gif"}, "a picture is one of image/jpeg, image/png, image/webp"),
        ({"quality": 0}, "quality is from 1 to 100"),
        ({"quality": 101}, "quality is from 1 to 100"),
        ({"viewport": (0, 10)}, "a viewport's sides are from 1 to 8192 pixels"),
        ({"viewport": (10, 100000)}, "a viewport's sides are from 1 to 8192 pixels"),
    ],
)
def test_what_cannot_be_asked(options: dict[str, object], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        RenderOptions(**options)
    assert caught.value.message == told


def test_picture_larger_than_its_form_allows() -> None:
    values = np.zeros((1, 17000), np.uint16)
    header = image_header(1, 17000)
    with pytest.raises(Invalid) as caught:
        picture_of(header, values, media_type="image/webp")
    assert caught.value.message == "image/webp cannot hold 17000 x 1 pixels; ask for a viewport"
    assert caught.value.code == "NOT_RENDERABLE"
    assert picture_of(header, values, media_type="image/webp", viewport=(100, 100)).width == 100


def test_threads_do_not_meet() -> None:
    """The same frames, one after another and eight at a time, and no header is touched."""
    images = [
        taken_apart(path) for path in image_paths() if path.name.startswith(("SC_rgb", "MR_small", "emri"))
    ]
    images = [image for image in images if image.transfer_syntax_uid]
    headers = [copy.deepcopy(image.header) for image in images]
    alone = [image.picture().content for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: image.picture().content, images * 4))
    assert together == alone * 4
    assert [image.header for image in images] == headers
