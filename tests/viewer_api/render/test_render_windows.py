"""Window functions: PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, and their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from file_frames import image_header, shown
from hypothesis import assume, given
from hypothesis import strategies as st

from storage.errors import Invalid
from viewer_api.render import RenderOptions, Window, display_values

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
centers = st.floats(-5000, 70000) | st.integers(-5000, 70000)
widths = st.floats(1, 70000) | st.integers(1, 70000)


def standard(x: float, c: float, w: float, function: str) -> float:
    """The standard's pseudo-code, output range 0 to 255."""
    if function == "SIGMOID":
        return 255 / (1 + math.exp(min(-4 * (x - c) / w, 700)))
    if function == "LINEAR_EXACT":
        if x <= c - w / 2:
            return 0
        return 255 if x > c + w / 2 else ((x - c) / w + 0.5) * 255
    if x <= c - 0.5 - (w - 1) / 2:
        return 0
    return 255 if x > c - 0.5 + (w - 1) / 2 else ((x - (c - 0.5)) / (w - 1) + 0.5) * 255


@given(centers, widths, st.sampled_from(FUNCTIONS), st.lists(st.integers(0, 65535), min_size=1, max_size=30))
def test_window_is_the_standards(center: float, width: float, function: str, values: list[int]) -> None:
    # The pseudo-code divides by width - 1; closer to 1 its own rounding decides, not ours.
    assume(width == 1 or width > 1.001)
    stored = np.array([values], np.uint16)
    ours = shown(image_header(*stored.shape), stored, RenderOptions(window=Window(center, width, function)))
    wanted = [standard(x, center, width, function) for x in values]
    assert np.abs(ours[0] - np.array(wanted)).max() <= 0.5 + 1e-6


@given(centers, widths, st.sampled_from(FUNCTIONS), st.booleans())
def test_window_is_monotone_and_bounded(center: float, width: float, function: str, signed: bool) -> None:
    values = np.arange(65536, dtype=np.uint16).view(np.int16 if signed else np.uint16).reshape(256, 256)
    header = image_header(256, 256, PixelRepresentation=int(signed))
    grey = shown(header, values, RenderOptions(window=Window(center, width, function)))
    rising = grey.reshape(-1)[np.argsort(values.reshape(-1))].astype(int)
    assert np.all(np.diff(rising) >= 0)
    assert grey.dtype == np.uint8


@given(centers, widths, st.sampled_from(FUNCTIONS))
def test_inversion_mirrors(center: float, width: float, function: str) -> None:
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    window = Window(center, width, function)
    plain = shown(image_header(64, 64), values, RenderOptions(window=window)).astype(int)
    inverted = shown(image_header(64, 64), values, RenderOptions(window=window, invert=True)).astype(int)
    assert np.abs(plain + inverted - 255).max() <= 1


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=20), centers, widths)
def test_deep_pixels_take_the_same_road(values: list[int], center: float, width: float) -> None:
    """32-bit pixels are computed one by one; where they fit into 16 bits the tables must say the same."""
    deep = np.array([values], np.int32)
    narrow = np.clip(deep, -32768, 32767).astype(np.int16)
    options = RenderOptions(window=Window(center, width))
    of_deep = shown(
        image_header(*deep.shape, BitsAllocated=32, PixelRepresentation=1), narrow.astype(np.int32), options
    )
    of_narrow = shown(image_header(*deep.shape, PixelRepresentation=1), narrow, options)
    assert np.array_equal(of_deep, of_narrow)


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_without_a_window_all_shows(low: int, high: int) -> None:
    assume(low != high)
    grey = shown(image_header(1, 2, Modality="CT"), np.array([[low, high]], np.uint16))
    assert grey.tolist() == ([[0, 255]] if low < high else [[255, 0]])


def test_large_and_small_frames_take_the_same_road() -> None:
    """Frames with fewer pixels than there are values are computed without a table."""
    values = np.random.default_rng(7).integers(0, 65536, (400, 400), dtype=np.uint16)
    options = RenderOptions(window=Window(30000, 20000.5))
    whole = display_values(image_header(400, 400), values, frame_number=1, options=options)
    part = display_values(image_header(3, 400), values[:3], frame_number=1, options=options)
    assert np.array_equal(whole[:3], part)


@pytest.mark.parametrize(
    ("center", "width", "function", "told"),
    [
        (1, 0.5, "LINEAR", "a LINEAR window is at least 1 wide; LINEAR_EXACT may be narrower"),
        (1, 0, "LINEAR_EXACT", "a window is wider than 0"),
        (1, -3, "SIGMOID", "a window is wider than 0"),
        (math.nan, 3, "LINEAR", "a window's center and width are finite numbers"),
        (1, math.inf, "LINEAR", "a window's center and width are finite numbers"),
        (1, 5, "CUBIC", "a window function is LINEAR, LINEAR_EXACT or SIGMOID"),
    ],
)
def test_window_that_cannot_be(center: float, width: float, function: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        Window(center, width, function)
    assert caught.value.message == told


@pytest.mark.parametrize(
    "attributes",
    [
        {"WindowCenter": "5", "WindowWidth": "0"},
        {"WindowCenter": "5", "WindowWidth": "-4"},
        {"WindowCenter": "5"},
        {"WindowWidth": "5"},
        {"WindowCenter": "", "WindowWidth": ""},
    ],
)
def test_nonsensical_window_of_a_header_is_passed_over(attributes: dict[str, str]) -> None:
    values = np.array([[100, 300]], np.uint16)
    header = image_header(1, 2, Modality="CT", **attributes)
    assert shown(header, values).tolist() == [[0, 255]]
