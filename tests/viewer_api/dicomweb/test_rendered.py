"""WADO-RS rendered and thumbnail: pictures as asked, documents as pages, and never a broken image in a list."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from served import KASHI_FILES, PDF

DOCUMENTS = ("rtplan.dcm", "test-SR.dcm", "waveform_ecg.dcm")
IMAGES = [name for name in KASHI_FILES if name not in DOCUMENTS]


def image(answer):
    assert answer.status_code == 200, answer.text[:300]
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.parametrize("name", IMAGES)
def test_every_image_has_a_picture(served, kashi, name):
    shown = image(kashi.get(f"{served[name].url}/rendered"))
    assert shown.format == "JPEG"
    assert shown.size == (served[name].dataset.Columns, served[name].dataset.Rows)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "JPEG"),
        ("image/png", "PNG"),
        ("image/webp", "WEBP"),
        ("image/avif,image/webp;q=0.5,image/png;q=0.9,*/*;q=0.1", "PNG"),
    ],
)
def test_the_kind_of_picture(served, kashi, accept, kind):
    url = served["CT_small.dcm"].url
    answer = kashi.get(f"{url}/rendered", headers={"Accept": accept})
    assert image(answer).format == kind
    assert answer.headers["content-type"] == f"image/{kind.lower()}"


def test_the_accept_parameter_wins(served, kashi):
    header = {"Accept": 'multipart/related; type="application/octet-stream"'}
    stored = served["slice 1"]
    for path in (f"{stored.series}/thumbnail", f"{stored.url}/thumbnail"):
        assert image(kashi.get(f"{path}?accept=image%2Fjpeg", headers=header)).format == "JPEG"
        assert kashi.get(path, headers=header).status_code == 406
    browser = {"Accept": "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
    assert image(kashi.get(f"{stored.url}/thumbnail?accept=image/jpeg", headers=browser)).format == "JPEG"


def test_a_window_changes_the_picture(served, kashi):
    url = f"{served['slice 3'].url}/frames/1/rendered?accept=image/png"
    offset = float(served["CT_small.dcm"].dataset.RescaleIntercept)
    dark = image(kashi.get(f"{url}&window={300 + offset + 500},10,linear"))
    bright = image(kashi.get(f"{url}&window={300 + offset - 500}%2C10"))
    assert np.asarray(dark).max() == 0
    assert np.asarray(bright).min() == 255
    for function in ("sigmoid", "linear-exact"):
        grey = np.asarray(image(kashi.get(f"{url}&window={300 + offset},100,{function}")))
        assert 120 < grey.mean() < 135


def test_a_viewport_keeps_proportions(served, kashi):
    url = served["examples_palette.dcm"].url
    rows, columns = (
        served["examples_palette.dcm"].dataset.Rows,
        served["examples_palette.dcm"].dataset.Columns,
    )
    shown = image(kashi.get(f"{url}/rendered?viewport=100%2C100"))
    assert max(shown.size) == 100
    assert shown.size[0] / shown.size[1] == pytest.approx(columns / rows, rel=0.02)


def test_a_part_of_the_image(served, kashi):
    url = f"{served['CT_small.dcm'].url}/rendered?accept=image/png"
    whole = np.asarray(image(kashi.get(url)))
    part = np.asarray(image(kashi.get(f"{url}&viewport=40,20,10,30,40,20")))
    assert np.array_equal(part, whole[30:50, 10:50])
    mirrored = np.asarray(image(kashi.get(f"{url}&viewport=40,20,10,30,-40,20")))
    assert np.array_equal(mirrored, whole[30:50, 10:50][:, ::-1])
    assert image(kashi.get(f"{url}&viewport=64,64,,,,")).size == (64, 64)
    assert kashi.get(f"{url}&viewport=64,64,500,500,10,10").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "window=1",
        "window=a,b",
        "window=1,0",
        "window=1,2,cubic",
        "window=nan,1",
        "viewport=0,10",
        "viewport=10",
        "viewport=a,b",
        "viewport=99999,1",
        "viewport=10,10,1,1,0,1",
        "quality=0",
        "quality=101",
        "quality=high",
    ],
)
def test_a_wrong_parameter_is_refused(served, kashi, query):
    answer = kashi.get(f"{served['CT_small.dcm'].url}/rendered?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "INVALID"


def test_quality_is_obeyed(served, kashi):
    url = f"{served['CT_small.dcm'].url}/rendered"
    assert len(kashi.get(f"{url}?quality=10").content) < len(kashi.get(f"{url}?quality=95").content) / 2


def test_a_series_shows_its_middle(served, kashi):
    stored = served["slice 3"]
    query = "?accept=image/png"
    middle = kashi.get(f"{stored.url}/rendered{query}").content
    assert kashi.get(f"{stored.series}/rendered{query}").content == middle
    assert kashi.get(f"{stored.study}/rendered{query}").content == middle


def test_frames_by_number(served, kashi):
    url = served["emri_small_RLE.dcm"].url
    one, two = (kashi.get(f"{url}/frames/{n}/rendered").content for n in (1, 2))
    assert one != two
    assert kashi.get(f"{url}/rendered").content == one
    assert kashi.get(f"{url}/frames/11/rendered").status_code == 404
    assert kashi.get(f"{url}/frames/1,2/rendered").status_code == 400


def test_a_document_is_itself(served, kashi):
    answer = kashi.get(f"{served['document'].url}/rendered")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content == PDF
    assert kashi.get(f"{served['document'].url}/rendered", headers={"Accept": "image/png"}).status_code == 406


def test_a_structured_report_is_a_page(served, kashi):
    answer = kashi.get(f"{served['test-SR.dcm'].url}/rendered", headers={"Accept": "text/html,*/*"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    title = served["test-SR.dcm"].dataset.ConceptNameCodeSequence[0].CodeMeaning
    assert f"<bdi>{title}</bdi></h1>" in answer.text
    assert answer.text.count("<li id=") > 5


@pytest.mark.parametrize("name", ["rtplan.dcm", "no pixels"])
def test_what_cannot_be_shown_says_so(served, kashi, name):
    answer = kashi.get(f"{served[name].url}/rendered")
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_RENDERABLE")


@pytest.mark.parametrize("name", [*KASHI_FILES, "document", "no pixels"])
@pytest.mark.parametrize("level", ["study", "series", "url"])
def test_everything_has_a_thumbnail(served, kashi, name, level):
    shown = image(kashi.get(f"{getattr(served[name], level)}/thumbnail?viewport=128%2C128"))
    assert shown.format == "JPEG"
    assert max(shown.size) == 128


def test_a_thumbnail_is_small_unless_told(served, kashi):
    assert max(image(kashi.get(f"{served['CT_small.dcm'].url}/thumbnail")).size) == 256
    assert max(image(kashi.get(f"{served['CT_small.dcm'].url}/frames/1/thumbnail")).size) == 256


def test_pictures_of_an_instance_are_kept_and_of_a_series_are_asked_for_again(served, kashi):
    stored = served["slice 1"]
    of_instance = kashi.get(f"{stored.url}/rendered")
    assert of_instance.headers["cache-control"] == "private, max-age=31536000, immutable"
    of_series = kashi.get(f"{stored.series}/rendered")
    assert of_series.headers["cache-control"] == "private, no-cache"
    tag = of_series.headers["etag"]
    assert kashi.get(f"{stored.series}/rendered", headers={"If-None-Match": tag}).status_code == 304
    assert kashi.get(f"{stored.series}/rendered?quality=3", headers={"If-None-Match": tag}).status_code == 200


def test_dicomweb_client_renders(served):
    with served.dicomweb("technician") as client:
        uids = served["CT_small.dcm"].uids
        assert client.retrieve_instance_rendered(*uids)[:2] == b"\xff\xd8"
        assert client.retrieve_instance_rendered(*uids, media_types=("image/png",))[:4] == b"\x89PNG"
        params = {"quality": 50, "viewport": "100,100", "window": "40,400,linear"}
        assert (
            client.retrieve_instance_rendered(*uids, media_types=("image/jpeg",), params=params)[:2]
            == b"\xff\xd8"
        )
        assert (
            client.retrieve_instance_frames_rendered(*uids, [1], media_types=("image/png",))[:4] == b"\x89PNG"
        )
