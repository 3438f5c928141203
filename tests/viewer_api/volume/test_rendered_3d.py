"""3-D renderings over HTTP: points are seen where geometry says, from any side."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from phantom import Phantom, rotation
from PIL import Image
from test_rendered_mpr import numbers, pixels, rendered

BALLS = np.array([[0.0, 0.0, 0.0], [9.0, -4.0, 8.0], [-7.0, 6.0, -9.0]])
"""Centres in the patient, mm."""


def balls(points: np.ndarray) -> np.ndarray:
    """Bone, 1500 HU, within 2 mm of a centre; air elsewhere."""
    near = np.full(points.shape[:-1], np.inf)
    for each in BALLS:
        near = np.minimum(near, np.linalg.norm(points - each, axis=-1))
    return np.where(near < 2, 1500.0, -1000.0)


CUBE = Phantom(
    "balls",
    depths=tuple(np.arange(56) * 0.8 - 22),
    shape=(60, 62),
    spacing=(0.75, 0.7),
    origin=(-21.0, -22.0, 0.0),
    values=balls,
    rescale=(1.0, -1024.0),
)
SERIES = {
    "straight": CUBE,
    "tilted": replace(CUBE, name="balls tilted", tilt=0.2),
    "oblique": replace(CUBE, name="balls oblique", axes=rotation(x=10), origin=(-21.0, -21.0, -4.0)),
}
VIEWS = {
    "from the front": "0,-500,0",
    "from the right, above": "-300,-200,150",
    "from behind, below": "120,400,-90",
    "from the feet": "30,-40,-300",
}


@pytest.fixture(scope="module", params=SERIES)
def series(request, service):
    return service.holds(SERIES[request.param])


@pytest.mark.parametrize("position", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("method", ["maximum_ip", "volume_rendered"])
def test_points_are_seen_where_they_are(kashi, series, position, method):
    asked = {"viewpointposition": position, "viewpointlookat": "0,0,0", "renderingmethod": method}
    answer = kashi.get(f"{series.url}/rendered3d", params=asked, headers={"Accept": "image/png"})
    seen = pixels(answer)
    bright = (seen if seen.ndim == 2 else seen.max(axis=2)) > 60
    cosines, spacing = numbers(answer, "image-orientation"), numbers(answer, "pixel-spacing")[0]
    aside = BALLS - numbers(answer, "image-position")
    columns, rows = aside @ cosines[:3] / spacing, aside @ cosines[3:] / spacing
    row, column = np.indices(bright.shape)
    nearest = np.min([np.hypot(row - r, column - c) for r, c in zip(rows, columns, strict=True)], axis=0)
    assert bright[nearest * spacing < 1].all()
    assert not bright[nearest * spacing > 3.2].any()


def test_a_projection_is_brighter_than_its_planes_and_darker_the_other_way(kashi, service):
    phantom = service.holds(SERIES["straight"])
    asked = {"orientation": "a", "window": "0,3000,linear-exact"}
    most, mean, least = (
        pixels(rendered(kashi, phantom, "rendered3d", renderingmethod=method, **asked))
        for method in ("maximum_ip", "average_ip", "minimum_ip")
    )
    assert (most >= mean).all()
    assert (mean >= least).all()
    assert most.max() > 250
    assert least.max() < 50


def test_a_turntable(kashi, service):
    phantom = service.holds(SERIES["straight"])
    asked = {"swivelrange": "90", "animationstepsize": "15", "animationrate": "20", "viewport": "96,96"}
    answer = kashi.get(f"{phantom.url}/rendered3d", params=asked)
    assert answer.headers["content-type"] == "image/gif"
    with Image.open(io.BytesIO(answer.content)) as animation:
        assert (animation.n_frames, animation.size, animation.info["duration"]) == (6, (96, 96), 50)
        animation.seek(0)
        first = np.asarray(animation.convert("L")).astype(float)
        animation.seek(5)
        last = np.asarray(animation.convert("L")).astype(float)
    assert np.abs(first - last).max() > 100


@pytest.mark.parametrize("preset", ["ct-bone", "ct-vessel", "ct-soft-tissue", "ct-lung", "window"])
def test_presets(kashi, service, preset):
    phantom = service.holds(SERIES["straight"])
    seen = pixels(kashi.get(f"{phantom.url}/rendered3D?preset={preset}", headers={"Accept": "image/png"}))
    assert seen.shape[2] == 3
    assert (seen.max() > 100) == (preset != "ct-lung")
