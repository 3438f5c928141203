"""WADO-RS metadata: complete, cacheable, with addresses that can be fetched."""

from __future__ import annotations

import json

import pydicom
import pytest
from served import KASHI_FILES, references


def tags(dataset):
    return {f"{e.tag:08X}" for e in dataset if e.tag.element and e.tag < 0x7FE00000}


@pytest.mark.parametrize("name", KASHI_FILES)
def test_every_attribute_and_every_reference(served, kashi, name):
    stored = served[name]
    answer = kashi.get(f"{stored.url}/metadata", headers={"Accept": "application/dicom+json"})
    (item,) = answer.json()
    assert tags(stored.dataset) <= set(item)
    assert pydicom.Dataset.from_json(item, lambda _: b"").SOPInstanceUID == stored.uids[2]
    assert item["00083002"]["Value"] == [stored.receipt.transfer_syntax_uid]
    for address in references(item):
        assert address.startswith(f"{served.url}/sites/KASHI/dicom-web/studies/")
        assert kashi.get(address).status_code == 200
    assert ("7FE00010" in item) == ("PixelData" in stored.dataset)


def test_series_and_study(served, kashi):
    stored = served["slice 1"]
    of_series = kashi.get(f"{stored.series}/metadata").json()
    assert [item["00200013"]["Value"] for item in of_series] == [[1], [2], [3], [4], [5]]
    assert kashi.get(f"{stored.study}/metadata").json() == of_series


def test_gzip_and_conditional_requests(served, kashi):
    path = f"{served['slice 1'].series}/metadata"
    plain = kashi.get(path, headers={"Accept-Encoding": "identity"})
    zipped = kashi.get(path, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.content == plain.content
    assert "private" in zipped.headers["cache-control"]
    again = kashi.get(path, headers={"Accept-Encoding": "gzip", "If-None-Match": zipped.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == zipped.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"Forwarded": 'for=1.2.3.4;proto=https;host="pacs.example.cn"'}, "https://pacs.example.cn"),
        (
            {"Forwarded": "proto=https;host=pacs.example.cn:8443, for=10.0.0.1"},
            "https://pacs.example.cn:8443",
        ),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Host": "pacs.example.cn"}, "https://pacs.example.cn"),
        (
            {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.cn, b", "X-Forwarded-Prefix": "/far/"},
            "https://a.cn/far",
        ),
        ({"Host": "pacs.local"}, "http://pacs.local"),
    ],
)
def test_addresses_behind_a_proxy(served, kashi, headers, base):
    stored = served["CT_small.dcm"]
    (item,) = kashi.get(f"{stored.url}/metadata", headers=headers).json()
    assert item["7FE00010"]["BulkDataURI"] == f"{base}/sites/KASHI/dicom-web{stored.url}/bulkdata/7FE00010"


def test_a_host_that_is_none_is_not_repeated(served, kashi):
    (item,) = kashi.get(
        f"{served['CT_small.dcm'].url}/metadata", headers={"X-Forwarded-Host": 'a"<b>'}
    ).json()
    assert "<b>" not in item["7FE00010"]["BulkDataURI"]


def test_an_address_longer_than_usual(served, kashi):
    path = f"{served['slice 1'].series}/metadata"
    prefix = "/far" * 40
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a.cn", "X-Forwarded-Prefix": prefix}
    items = kashi.get(path, headers=headers).json()
    base = f"https://a.cn{prefix}/sites/KASHI/dicom-web"
    assert [item["7FE00010"]["BulkDataURI"].partition("/studies/")[0] for item in items] == [base] * 5


@pytest.mark.parametrize("name", ["slice 1", "liver.dcm", "test-SR.dcm", "waveform_ecg.dcm"])
def test_a_series_says_what_its_instances_say(served, kashi, name):
    """Byte by byte, with and without compression; a study says what its series say."""
    stored = served[name]
    for encoding in ("identity", "gzip"):
        headers = {"Accept-Encoding": encoding}
        of_series = kashi.get(f"{stored.series}/metadata", headers=headers).content
        uids = [item["00080018"]["Value"][0] for item in json.loads(of_series)]
        alone = [kashi.get(f"{stored.series}/instances/{uid}/metadata").content for uid in uids]
        assert of_series == b"[" + b",".join(one[1:-1] for one in alone) + b"]"
        assert kashi.get(f"{stored.study}/metadata", headers=headers).content == of_series


def test_each_hospital_tells_of_its_own(served, kashi, aksu, both):
    """The same study in two hospitals: one address, two answers, and both under their own trees."""
    path = f"{served['slice 1'].study}/metadata"
    assert len(kashi.get(path).json()) == 5
    assert len(aksu.get(path).json()) == 1
    assert both.get(path).status_code == 409
    for site, count in (("KASHI", 5), ("AKSU", 1)):
        items = both.get(f"{served.url}/sites/{site}/dicom-web{path}").json()
        assert len(items) == count
        assert all(f"/sites/{site}/dicom-web/" in address for item in items for address in references(item))


def test_head_tells_as_much_as_get(served, kashi):
    path = f"{served['slice 1'].series}/metadata"
    for encoding in ("identity", "gzip"):
        got = kashi.get(path, headers={"Accept-Encoding": encoding})
        head = kashi.head(path, headers={"Accept-Encoding": encoding})
        assert head.content == b""
        for name in ("etag", "content-type", "content-length", "content-encoding", "vary"):
            assert head.headers.get(name) == got.headers.get(name)


def test_dicomweb_client_reads_metadata(served):
    with served.dicomweb("technician") as client:
        study, series, instance = served["slice 3"].uids
        assert len(client.retrieve_study_metadata(study)) == 5
        assert len(client.retrieve_series_metadata(study, series)) == 5
        one = pydicom.Dataset.from_json(client.retrieve_instance_metadata(study, series, instance))
        assert one.InstanceNumber == 3


def test_what_is_not_there(kashi):
    for path in (
        "/studies/1.2.3/metadata",
        "/studies/1.2/series/1/metadata",
        "/studies/x'/series/1/instances/1/metadata",
    ):
        assert kashi.get(path).status_code == 404
