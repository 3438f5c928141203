"""Whatever stands in an address, it is answered: never with an error of ours."""

from __future__ import annotations

import http.client

import pytest

from storage.query_keys import QUERY_KEYS

NO_TEXT = ("%00", "1%00", "1%002", "%ED%A0%80", "%ff", "%C0%80", "%BF%A6")
HUGE = ("99999999999999999999", "9223372036854775808", "-99999999999999999999", "9" * 400)
FLOATS = ("nan", "inf", "-inf", "1e400", "1e308", "-1e308", "1e31")


def status(client, path):
    """Of a request whose address is sent as it stands."""
    connection = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=30)
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    try:
        connection.request("GET", f"{client.base_url.path.rstrip('/')}{path}", headers={"Cookie": cookie})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("value", NO_TEXT)
def test_what_is_no_text_is_refused(served, kashi, value):
    stored = served["CT_small.dcm"]
    for name in (*QUERY_KEYS, "limit", "offset", "fuzzymatching", "includefield", "accept", "other"):
        for path in ("/studies", "/series", "/instances"):
            assert status(kashi, f"{path}?{name}={value}") == 400, name
    for path in ("/studies?{}=1", "/studies/{}/series", "/studies/{}/metadata", "/studies/{}"):
        assert status(kashi, path.format(value)) == 400
    for path in ("/frames/{}", "/bulkdata/{}", "/rendered?window={}", "/thumbnail?viewport={}"):
        assert status(kashi, stored.url + path.format(value)) == 400
    with served.client("technician", f"/sites/KA{value}/dicom-web") as elsewhere:
        assert elsewhere.get("/studies").status_code == 400


@pytest.mark.parametrize("value", HUGE)
def test_numbers_beyond_all_bounds_are_refused(served, kashi, value):
    stored = served["waveform_ecg.dcm"]
    for name in ("limit", "offset", "SeriesNumber", "InstanceNumber"):
        assert status(kashi, f"/instances?{name}={value}") == 400, name
    image = served["CT_small.dcm"].url
    for path in (
        *(f"{image}/frames/{value}", f"{image}/frames/1,{value}", f"{image}/frames/{value}/rendered"),
        *(f"{image}/rendered?viewport={value},1", f"{image}/rendered?quality={value}"),
        *(f"{stored.url}/bulkdata/{value}", f"{stored.url}/bulkdata/54000100/{value}/54001010"),
    ):
        assert status(kashi, path) == 400, path


@pytest.mark.parametrize("value", FLOATS)
def test_numbers_of_a_picture_are_bounded(served, kashi, value):
    image = served["CT_small.dcm"].url
    for parameter in (
        *(f"window={value},1", f"window=1,{value}", f"window={value},{value},sigmoid"),
        *(f"viewport=9,9,{value},{value},{value},{value}", f"viewport=9,9,0,0,{value},{value}"),
    ):
        assert status(kashi, f"{image}/rendered?{parameter}") == 400, parameter


def test_without_signing_in_that_comes_first(served):
    connection = http.client.HTTPConnection(served.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/dicom-web/studies?PatientID=%00")
    assert connection.getresponse().status == 401
    connection.close()
