"""Segmentations over their images and by themselves, and images with a segmentation: colours, amounts and planes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from special_objects import BLUE, OTHERS, RED, SIDE

LARGE, SMALL = np.s_[20:60, 30:70], np.s_[80:100, 90:110]
KINDS = {"binary": "30", "fractional": "31", "labels": "32"}


def pixels(client, url):
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")).astype(int)


def is_near(values, colour, apart=8):
    return (np.abs(values - colour) <= apart).all()


@pytest.mark.parametrize("kind", KINDS)
def test_alone_on_black_in_its_colours(special, viewer, kind):
    seen = pixels(viewer, f"{special[kind].url}/rendered?background=none&accept=image/png")
    amount = 0.5 if kind == "fractional" else 1
    assert is_near(seen[LARGE], np.array(RED) * amount)
    assert is_near(seen[SMALL], np.array(BLUE) * amount), "the middle plane has both segments"
    outside = np.ones((SIDE, SIDE), bool)
    outside[LARGE] = outside[SMALL] = False
    assert (seen[outside] == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_over_its_image(special, viewer, kind):
    seen = pixels(viewer, f"{special[kind].url}/rendered?accept=image/png")
    image = pixels(viewer, f"{special['slice 2'].url}/rendered?accept=image/png")
    outside = np.ones((SIDE, SIDE), bool)
    outside[LARGE] = outside[SMALL] = False
    assert np.array_equal(seen[outside], image[outside])
    inside = np.s_[25:55, 35:65]
    share = 0.35 * (0.5 if kind == "fractional" else 1)
    assert is_near(seen[inside], image[inside] * (1 - share) + np.array(RED) * share, 12)
    edge = seen[20, 30:70]
    assert is_near(edge, RED) == (kind != "fractional"), "only what is or is not has an edge"


@pytest.mark.parametrize(
    ("frame", "colour", "where", "plane"),
    [(1, RED, LARGE, "slice 1"), (2, RED, LARGE, "slice 2"), (4, BLUE, SMALL, "slice 2")],
)
def test_a_frame_is_one_segment_on_one_image(special, viewer, frame, colour, where, plane):
    url = f"{special['binary'].url}/frames/{frame}/rendered?accept=image/png"
    alone = pixels(viewer, f"{url}&background=none")
    assert is_near(alone[where], colour)
    elsewhere = np.ones((SIDE, SIDE), bool)
    elsewhere[where] = False
    assert (alone[elsewhere] == 0).all()
    image = pixels(viewer, f"{special[plane].url}/rendered?accept=image/png")
    assert np.array_equal(pixels(viewer, url)[elsewhere], image[elsewhere])


def test_an_image_with_a_segmentation(special, viewer):
    query = f"accept=image/png&segmentationUID={OTHERS}.30"
    with_both = pixels(viewer, f"{special['slice 2'].url}/rendered?{query}")
    assert np.array_equal(with_both, pixels(viewer, f"{special['binary'].url}/rendered?accept=image/png"))
    with_one = pixels(viewer, f"{special['slice 3'].url}/rendered?{query}")
    image = pixels(viewer, f"{special['slice 3'].url}/rendered?accept=image/png")
    assert np.array_equal(with_one[SMALL], image[SMALL])
    assert not np.array_equal(with_one[LARGE], image[LARGE])


def test_windows_and_viewports_are_for_the_image_beneath(special, viewer):
    url = f"{special['binary'].url}/rendered?accept=image/png"
    black = pixels(viewer, f"{url}&window=9000,10")
    assert (black[0] == 0).all()
    assert is_near(black[20, 40], RED)
    part = pixels(viewer, f"{url}&viewport=40,40,30,20,40,40")
    assert np.array_equal(part, pixels(viewer, url)[20:60, 30:70])


def test_who_has_a_picture_already_gets_none(special, viewer):
    url = f"{special['binary'].url}/rendered"
    tag = viewer.get(url).headers["etag"]
    assert viewer.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert viewer.get(f"{url}?background=none", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("binary", "/rendered?background=pink", 400),
        ("binary", "/frames/5/rendered", 404),
        ("slice 2", "/rendered?segmentationUID=2.25.404", 404),
        ("slice 2", f"/rendered?segmentationUID={OTHERS}.101", 400),
        ("slice 2", f"/frames/2/rendered?segmentationUID={OTHERS}.30", 404),
    ],
)
def test_what_cannot_be(special, viewer, name, path, status):
    assert viewer.get(special[name].url + path).status_code == status


@pytest.mark.parametrize("kind", KINDS)
def test_a_thumbnail_shows_it(special, viewer, kind):
    seen = pixels(viewer, f"{special[kind].url}/thumbnail?accept=image/png&viewport=64,64")
    assert seen.shape == (64, 64, 3)
    assert np.ptp(seen[LARGE[0].start // 2 + 5, LARGE[1].start // 2 + 5]) > 10


def test_of_a_foreign_hospital_nothing_is_found(special):
    with special.client("aksu") as foreign:
        assert foreign.get(f"{special['binary'].url}/rendered").status_code == 404


def test_what_lies_elsewhere_is_not_laid_over_an_image(special, viewer):
    url = f"{special['moved'].url}/rendered?accept=image/png"
    assert np.array_equal(pixels(viewer, url), pixels(viewer, f"{url}&background=none"))
    answer = viewer.get(f"{special['slice 2'].url}/rendered?segmentationUID={OTHERS}.33")
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_RENDERABLE")


def test_an_image_is_found_by_its_place(special, viewer):
    linked = pixels(viewer, f"{special['binary'].url}/rendered?accept=image/png")
    assert np.array_equal(pixels(viewer, f"{special['unlinked'].url}/rendered?accept=image/png"), linked)
    query = f"accept=image/png&segmentationUID={OTHERS}.34"
    assert np.array_equal(pixels(viewer, f"{special['slice 2'].url}/rendered?{query}"), linked)
