"""Another hospital's study does not exist, whatever is asked of it."""

from __future__ import annotations

import httpx
import pytest
from served import Stored

RESOURCES = (
    *("{study}/metadata", "{series}/metadata", "{url}/metadata", "{study}", "{series}", "{url}"),
    *("{url}/frames/1", "{url}/bulkdata/7FE00010", "{url}/rendered", "{url}/frames/1/rendered"),
    *("{series}/rendered", "{study}/rendered", "{study}/thumbnail", "{series}/thumbnail", "{url}/thumbnail"),
    *("{url}/frames/1/thumbnail", "{url}/pixeldata", "{series}/pixeldata", "{study}/pixeldata"),
    *("{url}/bulkdata", "{series}/bulkdata", "{study}/bulkdata", "{study}?accept=application/zip"),
    *("{series}/rendered?accept=image/gif", "{url}/frames/1,1/rendered?accept=image/apng"),
)
SEARCHES = (
    *("/studies?StudyInstanceUID={0}", "/series?SeriesInstanceUID={1}", "/instances?SOPInstanceUID={2}"),
    *("/studies/{0}/series", "/studies/{0}/instances", "/studies/{0}/series/{1}/instances"),
)


def resource(pattern: str, stored: Stored) -> str:
    return pattern.format(study=stored.study, series=stored.series, url=stored.url)


@pytest.mark.parametrize("pattern", RESOURCES)
def test_resources(served, kashi, aksu, pattern):
    path = resource(pattern, served["693_J2KI.dcm"])
    assert aksu.get(path).status_code == 200
    hidden = kashi.get(path)
    assert hidden.status_code == 404
    assert hidden.headers["content-type"] == "application/problem+json"
    assert kashi.head(path).status_code == 404
    assert httpx.get(f"{served.url}/dicom-web{path}").status_code == 401


@pytest.mark.parametrize("pattern", SEARCHES)
def test_searches(served, kashi, aksu, pattern):
    path = pattern.format(*served["693_J2KI.dcm"].uids)
    assert len(aksu.get(path).json()) == 1
    assert kashi.get(path).json() == []


@pytest.mark.parametrize("pattern", RESOURCES)
def test_a_hospitals_own_tree(served, pattern):
    path = resource(pattern, served["CT_small.dcm"])
    with served.client("technician", "/sites/KASHI/dicom-web") as own:
        assert own.get(path).status_code == 200
    with served.client("technician", "/sites/AKSU/dicom-web") as other:
        assert other.get(path).status_code == 404
    with served.client("aksu", "/sites/KASHI/dicom-web") as stranger:
        assert stranger.get(path).status_code == 404


def test_who_runs_the_platform_sees_no_patients(served):
    with served.client("ops") as ops:
        assert ops.get("/studies").json() == []


def test_addresses_stay_in_their_tree(served):
    stored = served["CT_small.dcm"]
    with served.client("technician", "/sites/KASHI/dicom-web") as own:
        (item,) = own.get(f"{stored.url}/metadata").json()
        assert item["7FE00010"]["BulkDataURI"].startswith(f"{served.url}/sites/KASHI/dicom-web/studies/")
        (study,) = own.get(f"/studies?StudyInstanceUID={stored.uids[0]}").json()
        assert study["00081190"]["Value"] == [f"{served.url}/sites/KASHI/dicom-web{stored.study}"]


def test_two_hospitals_may_hold_the_same_uids(served, kashi, aksu):
    stored = served["slice 1"]
    for client, name, count in ((kashi, "Slices^Five", 5), (aksu, "Somebody^Else", 1)):
        (study,) = client.get(f"/studies?StudyInstanceUID={stored.uids[0]}").json()
        assert study["00100010"]["Value"] == [{"Alphabetic": name}]
        of_study = client.get(f"{stored.study}/metadata").json()
        assert [item["00100010"]["Value"][0]["Alphabetic"] for item in of_study] == [name] * count
        (item,) = client.get(f"{stored.url}/metadata").json()
        assert item["00100010"]["Value"] == [{"Alphabetic": name}]
        assert name.encode() in client.get(stored.url).content


def test_each_of_two_studies_with_one_uid_has_an_address_of_its_own(served, both):
    uid = served["slice 1"].uids[0]
    found = both.get(f"/studies?StudyInstanceUID={uid}").json()
    named = {item["00081190"]["Value"][0]: item["00100010"]["Value"][0]["Alphabetic"] for item in found}
    assert named == {
        f"{served.url}/sites/KASHI/dicom-web/studies/{uid}": "Slices^Five",
        f"{served.url}/sites/AKSU/dicom-web/studies/{uid}": "Somebody^Else",
    }
    for address, name in named.items():
        metadata = both.get(f"{address}/metadata").json()
        assert {item["00100010"]["Value"][0]["Alphabetic"] for item in metadata} == {name}
    every = both.get(f"/instances?StudyInstanceUID={uid}").json()
    assert len({item["00081190"]["Value"][0] for item in every}) == 6


AMBIGUOUS = (*RESOURCES, "{study}/series", "{study}/instances", "{series}/instances")


@pytest.mark.parametrize("pattern", AMBIGUOUS)
def test_an_address_that_means_two_studies_is_refused(served, both, pattern):
    path = resource(pattern, served["slice 1"])
    answer = both.get(path)
    assert answer.status_code == 409
    told = answer.json()
    assert (told["code"], told["sites"]) == ("AMBIGUOUS_STUDY", ["AKSU", "KASHI"])
    assert "/sites/{code}/dicom-web" in told["detail"]
    for site in told["sites"]:
        assert both.get(f"{served.url}/sites/{site}/dicom-web{path}").status_code == 200


@pytest.mark.parametrize("pattern", RESOURCES)
@pytest.mark.parametrize("name", ["CT_small.dcm", "693_J2KI.dcm"])
def test_an_address_that_means_one_study_works_in_the_tree_of_all(served, both, name, pattern):
    assert both.get(resource(pattern, served[name])).status_code == 200
