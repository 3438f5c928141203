"""What all addresses have in common: capabilities, other origins, and how errors look."""

from __future__ import annotations

from xml.etree import ElementTree

import httpx
import pytest
from served import FRIEND

from farlight.settings import load_settings
from storage.errors import Invalid

WADL = "{http://wadl.dev.java.net/2009/02}"
STRANGER = "https://elsewhere.example.org"
PROBLEM = "application/problem+json"


@pytest.mark.parametrize("tree", ["/dicom-web", "/sites/KASHI/dicom-web"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_capabilities_of_the_service(served, tree, slash):
    answer = httpx.request("OPTIONS", served.url + tree + slash)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.sun.wadl+xml")
    resources = ElementTree.fromstring(answer.content).find(f"{WADL}resources")
    assert resources.get("base") == served.url + tree
    methods = {
        one.get("path"): {each.get("name") for each in one.findall(f"{WADL}method")} for one in resources
    }
    assert {"GET", "POST"} <= methods["studies"]
    assert "GET" in methods["studies/{study}/series/{series}/instances/{instance}"]
    studies = next(one for one in resources if one.get("path") == "studies")
    told = {one.get("name") for one in studies.iter(f"{WADL}param")}
    assert {"PatientName", "limit", "offset", "includefield", "fuzzymatching"} <= told
    given = {one.get("mediaType") for one in studies.iter(f"{WADL}representation")}
    assert {"application/dicom+json", "application/problem+json"} <= given


def test_the_root_of_the_service(served):
    answer = httpx.get(f"{served.url}/dicom-web")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    told = answer.json()
    assert told["base"] == f"{served.url}/dicom-web"
    (studies,) = [one for one in told["resources"] if one["path"] == "/studies"]
    assert "PatientID" in studies["methods"]["GET"]["parameters"]
    wadl = httpx.get(f"{served.url}/dicom-web/", headers={"Accept": "application/vnd.sun.wadl+xml"})
    assert wadl.headers["content-type"] == "application/vnd.sun.wadl+xml"
    assert httpx.get(f"{served.url}/dicom-web", headers={"Accept": "text/csv"}).status_code == 406


def test_the_capabilities_of_one_resource(served):
    answer = httpx.request(
        "OPTIONS", f"{served.url}/dicom-web/studies/1.2/series", headers={"Accept": "application/json"}
    )
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.headers["allow"].split(", "))
    assert [one["path"] for one in answer.json()["resources"]] == ["/studies/{study}/series"]
    nothing = httpx.request("OPTIONS", f"{served.url}/dicom-web/nothing/here")
    assert (nothing.status_code, nothing.headers["content-type"]) == (404, PROBLEM)


def preflight(served, origin, headers="authorization", method="GET", path="/dicom-web/studies"):
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    asked["Access-Control-Request-Headers"] = headers
    return httpx.request("OPTIONS", served.url + path, headers=asked)


@pytest.mark.parametrize("headers", ["authorization", "accept,authorization", "if-none-match,range,prefer"])
def test_a_registered_origin_may_ask(served, headers):
    answer = preflight(served, FRIEND, headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert int(answer.headers["access-control-max-age"]) >= 7200
    assert "Origin" in answer.headers["vary"]


def test_another_origin_may_not(served, kashi):
    refused = preflight(served, STRANGER)
    assert (refused.status_code, refused.headers["content-type"]) == (403, PROBLEM)
    assert "access-control-allow-origin" not in refused.headers
    assert preflight(served, FRIEND, "x-anything").status_code == 403
    answer = kashi.get("/studies?limit=1", headers={"Origin": STRANGER})
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_a_registered_origin_reads_what_headers_say(kashi):
    answer = kashi.get("/studies?limit=1", headers={"Origin": FRIEND})
    assert answer.headers["access-control-allow-origin"] == FRIEND
    shown = answer.headers["access-control-expose-headers"]
    assert all(name in shown for name in ("ETag", "Warning", "X-Total-Count", "Content-Range"))
    missing = kashi.get("/studies/1.2/metadata", headers={"Origin": FRIEND})
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, FRIEND)


@pytest.mark.parametrize(
    "wrong", ["*", "viewer.example.org", "https://a.example/path", "https://a.example, *"]
)
def test_origins_are_named_one_by_one(wrong, tmp_path, monkeypatch):
    monkeypatch.setenv("FARLIGHT_HTTP_ORIGINS", wrong)
    with pytest.raises(Invalid, match="FARLIGHT_HTTP_ORIGINS"):
        load_settings(file=tmp_path / "none")


def test_several_origins(tmp_path, monkeypatch):
    monkeypatch.setenv("FARLIGHT_HTTP_ORIGINS", f"{FRIEND}, http://127.0.0.1:3000,")
    assert load_settings(file=tmp_path / "none").origins == (FRIEND, "http://127.0.0.1:3000")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/dicom-web/studies", 401),
        ("DELETE", "/dicom-web/series", 405),
        ("GET", "/dicom-web/nothing", 404),
        ("PATCH", "/api/session", 405),
        ("POST", "/api/session", 400),
        ("GET", "/api/requests", 401),
        ("GET", "/assets/none.js", 404),
    ],
)
def test_every_error_is_a_problem(served, method, path, status):
    answer = httpx.request(method, served.url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert {"type", "title", "status", "detail", "code"} <= answer.json().keys()
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert ("allow" in answer.headers) == (status == 405)
