"""WADO-URI: what it stands for, answered the same."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image
from served import PDF

CT, DICOM, JPEG = "CT_small.dcm", "application/dicom", "rendered?accept=image/jpeg"


def asked(stored, **parameters):
    study, series, instance = stored.uids
    return {
        "requestType": "WADO",
        "studyUID": study,
        "seriesUID": series,
        "objectUID": instance,
        **parameters,
    }


@pytest.mark.parametrize("address", ["/dicom-web/wado", "/sites/KASHI/dicom-web/wado", "/wado"])
@pytest.mark.parametrize(
    ("name", "parameters", "same_as"),
    [
        (CT, {}, "rendered?accept=image/jpeg"),
        (CT, {"contentType": "image/png"}, "rendered?accept=image/png"),
        (CT, {"contentType": DICOM}, "?accept=application/dicom"),
        (CT, {"contentType": DICOM, "transferSyntax": "1.2.840.10008.1.2.4.50"}, "?accept=application/dicom"),
        (CT, {"rows": "64", "columns": "32"}, f"{JPEG}&viewport=32,64"),
        (CT, {"windowCenter": "40", "windowWidth": "400"}, f"{JPEG}&window=40,400"),
        (CT, {"imageQuality": "20", "annotation": "patient"}, f"{JPEG}&quality=20&annotation=patient"),
        (CT, {"region": "0.25,0,0.75,0.5"}, f"{JPEG}&viewport=64,64,32,0,64,64"),
        ("emri_small_RLE.dcm", {"frameNumber": "4"}, f"frames/4/{JPEG}"),
    ],
)
def test_it_is_the_same_as_by_wado_rs(served, kashi, address, name, parameters, same_as):
    answer = kashi.get(served.url + address, params=asked(served[name], **parameters))
    expected = kashi.get(f"{served[name].url}/{same_as}".replace("/?", "?"))
    assert expected.status_code == 200
    assert answer.content == expected.content
    assert answer.headers["content-type"] == expected.headers["content-type"]
    assert answer.headers["etag"] == expected.headers["etag"]


def test_one_side_alone(served, kashi):
    answer = kashi.get("/wado", params=asked(served["CT_small.dcm"], columns="32"))
    assert np.asarray(Image.open(io.BytesIO(answer.content))).shape == (32, 32)


def test_documents(served, kashi):
    answer = kashi.get("/wado", params=asked(served["document"]))
    assert (answer.headers["content-type"], answer.content) == ("application/pdf", PDF)
    report = kashi.get("/wado", params=asked(served["test-SR.dcm"], contentType="text/html"))
    assert report.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"requestType": "QIDO"}, 400),
        ({"studyUID": ""}, 400),
        ({"anonymize": "yes"}, 400),
        ({"windowCenter": "40"}, 400),
        ({"region": "0,0,2,2"}, 400),
        ({"region": "a"}, 400),
        ({"rows": "x"}, 400),
        ({"frameNumber": "2"}, 404),
        ({"objectUID": "1.2"}, 404),
        ({"contentType": "video/mp4"}, 406),
    ],
)
def test_what_is_wrong_is_told(served, kashi, parameters, status):
    answer = kashi.get("/wado", params=asked(served["CT_small.dcm"], **parameters))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_who_may(served, aksu):
    assert aksu.get("/wado", params=asked(served["CT_small.dcm"])).status_code == 404
    assert httpx.get(f"{served.url}/wado", params=asked(served["CT_small.dcm"])).status_code == 401
