"""Video and documents are given as they are; both have a small picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from served import parts_of
from special_objects import CDA, STREAM


def test_a_video_is_its_stream(special, viewer):
    for path in ("/rendered", "/frames/1", "/frames/1/rendered"):
        answer = viewer.get(special["video"].url + path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.content[: len(STREAM)] == STREAM


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=990-1009", 990, 1010), ("bytes=2300-", 2300, None)],
)
def test_a_player_seeks_in_it(special, viewer, asked, start, end):
    whole = viewer.get(f"{special['video'].url}/rendered").content
    answer = viewer.get(f"{special['video'].url}/rendered", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{(end or len(whole)) - 1}/{len(whole)}"


def test_what_of_a_video_cannot_be_had(special, viewer):
    url = special["video"].url
    assert viewer.get(f"{url}/rendered", headers={"Range": "bytes=99999-"}).status_code == 416
    assert viewer.get(f"{url}/frames/2").status_code == 404
    assert viewer.get(f"{url}/frames/2/rendered").status_code == 404
    assert viewer.get(f"{url}/rendered", headers={"Accept": "image/png"}).status_code == 406


def test_a_video_in_parts(special, viewer):
    accept = 'multipart/related; type="video/mp4"; transfer-syntax=*'
    ((kind, content),) = parts_of(viewer.get(f"{special['video'].url}/frames/1", headers={"Accept": accept}))
    assert kind == "video/mp4; transfer-syntax=1.2.840.10008.1.2.4.102"
    assert content[: len(STREAM)] == STREAM
    with special.dicomweb("technician") as client:
        (frame,) = client.retrieve_instance_frames(*special["video"].uids, [1], media_types=("video/mp4",))
        assert frame[: len(STREAM)] == STREAM


def test_the_icon_beside_a_video_is_its_small_picture(special, viewer):
    answer = viewer.get(f"{special['video'].url}/thumbnail?viewport=32,32")
    assert (np.asarray(Image.open(io.BytesIO(answer.content))) > 250).all()


@pytest.mark.parametrize(
    ("name", "kind", "begins"),
    [
        ("pdf", "application/pdf", b"%PDF"),
        ("cda", "text/xml", CDA.encode("latin-1")),
        ("stl", "model/stl", b"solid x"),
    ],
)
def test_a_document_is_itself(special, viewer, name, kind, begins):
    answer = viewer.get(f"{special[name].url}/rendered")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind), (
        "an XML document tells its encoding"
    )
    assert answer.content.startswith(begins)
    assert answer.headers["x-content-type-options"] == "nosniff"
    if name != "pdf":
        assert answer.headers["content-security-policy"].startswith("sandbox;")


def test_a_page_in_a_document_is_not_opened_as_ours(special, viewer):
    answer = viewer.get(f"{special['page'].url}/rendered")
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_RENDERABLE")


def test_the_first_page_of_a_pdf_is_its_small_picture(special, viewer):
    seen = Image.open(io.BytesIO(viewer.get(f"{special['pdf'].url}/thumbnail?accept=image/png").content))
    assert seen.size == (128, 256)
    assert np.abs(np.asarray(seen).astype(int) - (255, 65, 54)).max() <= 2


@pytest.mark.parametrize("name", ["cda", "stl", "broken pdf", "report"])
def test_others_have_a_card(special, viewer, name):
    seen = Image.open(io.BytesIO(viewer.get(f"{special[name].url}/thumbnail?accept=image/png").content))
    assert seen.size == (256, 256)
    colours = {colour for _, colour in seen.convert("RGB").getcolors(65536)}
    assert {(27, 32, 38), (96, 165, 200)} <= colours, "the ground and the symbol"
