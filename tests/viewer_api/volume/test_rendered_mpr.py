"""MPR over HTTP: every pixel is what the phantom has at the place that the answer names."""

from __future__ import annotations

import io

import numpy as np
import pytest
from phantom import Phantom, linear, rotation
from PIL import Image

TILT = np.tan(np.radians(14))
IRREGULAR = tuple(np.cumsum([0.0, *np.tile([2.0, 3.1, 1.2], 8)]))
SERIES = {
    "plain": Phantom("plain"),
    "tilted": Phantom("tilted", axes=rotation(x=14), tilt=TILT),
    "tilted against the normal": Phantom("against", tilt=-TILT),
    "irregular": Phantom("irregular", depths=IRREGULAR),
    "irregular and tilted": Phantom("both", depths=IRREGULAR, tilt=TILT),
    "oblique": Phantom("oblique", axes=rotation(x=25, z=20)),
    "sagittal": Phantom("sagittal", axes=np.array([[0, 0, -1.0], [1, 0, 0], [0, -1, 0]])),
    "thin": Phantom("thin", depths=tuple(np.arange(60) * 0.3), spacing=(1.1, 1.1)),
}
WINDOW = (0.0, 1000.0)
GREY_STEP = WINDOW[1] / 255


@pytest.fixture(scope="module", params=SERIES)
def series(request, service):
    """A series in the archive, sent the last slice first."""
    phantom = SERIES[request.param]
    return service.holds(phantom, phantom.slices()[::-1])


def rendered(client, phantom, resource="renderedmpr", accept="image/png", **asked):
    return client.get(
        f"{phantom.url}/{resource}",
        params={"window": f"{WINDOW[0]},{WINDOW[1]},linear-exact", **asked},
        headers={"Accept": accept},
    )


def pixels(answer):
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content))).astype(float)


def numbers(answer, name):
    return np.array([float(word) for word in answer.headers[f"farlight-{name}"].split(",")])


def places(answer, shape):
    """Where each pixel lies in the patient, `(height, width, 3)`, by the headers alone."""
    cosines, spacing = numbers(answer, "image-orientation"), numbers(answer, "pixel-spacing")
    down = np.arange(shape[0])[:, np.newaxis, np.newaxis] * spacing[0] * cosines[3:]
    return (
        numbers(answer, "image-position")
        + down
        + np.arange(shape[1])[:, np.newaxis] * spacing[1] * cosines[:3]
    )


def expected(values):
    return np.clip((values - WINDOW[0] + WINDOW[1] / 2) / GREY_STEP, 0, 255)


def inside(phantom, points, margin):
    """Whether points lie within the phantom's outermost voxels, and not nearer to them than `margin` mm."""
    aside = (points - np.array(phantom.origin)) @ phantom.axes
    aside[..., 1] -= phantom.tilt * aside[..., 2]
    rows, columns = phantom.shape
    size = np.array(
        [(columns - 1) * phantom.spacing[1], (rows - 1) * phantom.spacing[0], max(phantom.depths)]
    )
    return np.all((aside >= margin) & (aside <= size - margin), axis=-1)


ASKED = {
    **{letter: {"orientation": letter} for letter in "aprlhf"},
    "further": {"orientation": "a", "mproffset": "3.3"},
    "by points": {"viewpointposition": "0,-300,10", "viewpointlookat": "3,-118,-33", "viewpointup": "1,2,9"},
    "slab": {"orientation": "l", "mprslab": "4", "renderingmethod": "average_ip"},
    "enlarged": {"orientation": "a", "viewport": "300,300"},
    "a part, mirrored": {"orientation": "a", "viewport": "200,200,5,6,-20,18"},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_every_pixel_has_the_value_of_its_place(kashi, series, asked):
    answer = rendered(kashi, series, **asked)
    grey = pixels(answer)
    points = places(answer, grey.shape)
    where = inside(series, points, margin=1e-6 if "mprslab" not in asked else 4)
    assert where.mean() > 0.15
    assert np.abs(grey - expected(linear(points)))[where].max() < 0.6
    outside = ~inside(series, points, margin=-2 * max(series.spacing[0], 3.1))
    assert not grey[outside].any()


def test_pixels_are_square_and_as_fine_as_the_voxels(kashi, series):
    answer = rendered(kashi, series, orientation="a")
    finest = min(*series.spacing, float(np.median(np.diff(series.depths))))
    assert numbers(answer, "pixel-spacing") == pytest.approx([finest, finest], abs=1e-6)


def test_letters_show_the_patient_as_readers_know_it(kashi, service):
    phantom = service.holds(SERIES["plain"])
    known = {
        "a": (1, 0, 0, 0, 0, -1),
        "p": (-1, 0, 0, 0, 0, -1),
        "r": (0, -1, 0, 0, 0, -1),
        "l": (0, 1, 0, 0, 0, -1),
        "h": (-1, 0, 0, 0, 1, 0),
        "f": (1, 0, 0, 0, 1, 0),
    }
    for letter, cosines in known.items():
        assert tuple(numbers(rendered(kashi, phantom, orientation=letter), "image-orientation")) == cosines
