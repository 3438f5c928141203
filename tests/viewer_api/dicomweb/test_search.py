"""QIDO-RS as OHIF and dicomweb-client ask."""

from __future__ import annotations

import httpx
import pytest

OHIF = "limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030"
JSON = {"Accept": "application/dicom+json"}


def studies(client, query):
    answer = client.get(f"/studies?{query}", headers=JSON)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    return {item["0020000D"]["Value"][0] for item in answer.json()}


def test_the_study_list_of_ohif(served, kashi):
    found = studies(kashi, OHIF)
    assert served["CT_small.dcm"].uids[0] in found
    assert served["693_J2KI.dcm"].uids[0] not in found


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("PatientName=*compressedsamples%5Ect*", "CT_small.dcm"),
        ("PatientName=CompressedSamples%5ECT1", "CT_small.dcm"),
        ("PatientName=%E7%8E%8B%5E%E5%B0%8F%E4%B8%9C", "document"),
        ("00100020=*ct1*", "CT_small.dcm"),
        ("00100020=S%251", "slice 1"),
        ("00100020=D_1", "document"),
        ("AccessionNumber=*&00100020=1CT1", "CT_small.dcm"),
        ("StudyDescription=*e%2B1*", "CT_small.dcm"),
        ("ModalitiesInStudy=DOC%2CXX", "document"),
        ("ModalitiesInStudy=XX%5CDOC&00100020=D_1", "document"),
        ("StudyInstanceUID={}", "CT_small.dcm"),
        ("StudyInstanceUID={}&StudyInstanceUID={}", "CT_small.dcm"),
    ],
)
@pytest.mark.parametrize("common", [OHIF, "limit=50"])
def test_filters(served, kashi, query, name, common):
    uid = served[name].uids[0]
    found = studies(kashi, f"{common}&{query.format(uid, uid)}")
    assert uid in found
    assert len(found) < len(studies(kashi, common))


def test_date_ranges(served, kashi):
    uid = served["CT_small.dcm"].uids[0]
    assert uid in studies(kashi, f"{OHIF}&StudyDate=20040101-20041231")
    assert uid not in studies(kashi, f"{OHIF}&StudyDate=20050101-20131231")


@pytest.mark.parametrize(
    "query", ["PatientID=_CT1", "PatientID=%251", "PatientID='%20OR%20'1'='1", "AccessionNumber=%25"]
)
def test_no_character_is_a_sql_wildcard(kashi, query):
    assert studies(kashi, query) == set()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("PatientWeight=70", "PatientWeight"),
        ("00091001=x", "00091001"),
        ("NoSuch=1", "NoSuch"),
        ("00400275.00400009=1", "00400275.00400009"),
        ("StudyDate=yesterday", "StudyDate"),
        ("limit=-1", "limit"),
        ("limit=many", "limit"),
        ("offset=1e3", "offset"),
        ("offset=2147483649", "offset"),
        ("limit=99999999999999999999", "limit"),
        ("StudyInstanceUID=" + ",".join(["1"] * 1001 + [f"1.{n}" for n in range(1001)]), "StudyInstanceUID"),
        ("PatientName=*" + "a" * 300, "PatientName"),
        ("SeriesNumber=99999999999999999999", "SeriesNumber"),
        ("fuzzymatching=perhaps", "fuzzymatching"),
        ("multiplevaluematching=1", "multiplevaluematching"),
        ("NumberOfStudyRelatedInstances=5", "NumberOfStudyRelatedInstances"),
        ("Modality.PatientID=5", "Modality.PatientID"),
        ("RequestAttributesSequence=5", "RequestAttributesSequence"),
        ("PatientID=1&PatientID=2", "PatientID"),
    ],
)
def test_a_wrong_query_is_refused_by_name(kashi, query, named):
    answer = kashi.get(f"/studies?{query}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"] + str(answer.json().get("parameter"))


def test_nothing_found_is_an_empty_list(kashi):
    answer = kashi.get("/studies?PatientID=nobody")
    assert (answer.status_code, answer.json()) == (200, [])


def test_other_media_types_are_not_acceptable(kashi):
    assert kashi.get("/studies", headers={"Accept": "application/xml"}).status_code == 406
    plain = kashi.get("/studies", headers={"Accept": "application/json"})
    assert plain.headers["content-type"] == "application/json"


def test_the_preview_of_ohif(served, kashi):
    stored = served["slice 1"]
    query = "includefield=0008103E%2C00080021&limit=10"
    (series,) = kashi.get(f"{stored.study}/series?{query}", headers=JSON).json()
    assert series["00201209"]["Value"] == [5]
    assert series["00081190"]["Value"] == [f"{served.url}/sites/KASHI/dicom-web{stored.series}"]
    assert kashi.get(f"{stored.study}/series?SeriesInstanceUID={stored.uids[1]}").json() == [
        kashi.get(f"{stored.study}/series").json()[0]
    ]


def test_one_instance_of_a_series(served, kashi):
    stored = served["slice 1"]
    answer = kashi.get(f"{stored.series}/instances?limit=1&includefield=00080018", headers=JSON)
    assert [item["00080018"]["Value"][0] for item in answer.json()] == [stored.uids[2]]
    assert "additional results" in answer.headers["warning"]
    assert "warning" not in kashi.get(f"{stored.series}/instances").headers


def test_pages_join_up(kashi):
    whole = [item["00080018"]["Value"][0] for item in kashi.get("/instances?limit=5000").json()]
    pages = [kashi.get(f"/instances?limit=3&offset={n}").json() for n in range(0, len(whole), 3)]
    assert [item["00080018"]["Value"][0] for page in pages for item in page] == whole
    assert len(whole) == len(set(whole)) > 15


def test_all_fields_and_bulk_data_that_can_be_fetched(served, kashi):
    stored = served["waveform_ecg.dcm"]
    (item,) = kashi.get(f"{stored.series}/instances?includefield=all").json()
    address = item["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
    assert address.startswith(f"{served.url}/sites/KASHI/dicom-web{stored.url}/bulkdata/")
    assert kashi.get(address).status_code == 200


def test_dicomweb_client_searches(served):
    with served.dicomweb("technician") as client:
        study, series, instance = served["CT_small.dcm"].uids
        assert client.search_for_studies(search_filters={"StudyInstanceUID": study}, limit=5)
        assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
        assert client.search_for_series(study)[0]["0020000E"]["Value"] == [series]
        assert client.search_for_series(search_filters={"SeriesInstanceUID": series})
        assert client.search_for_instances(study, series, fields=["all"])[0]["00080018"]["Value"] == [
            instance
        ]
        assert client.search_for_instances(study)
        assert client.search_for_instances(search_filters={"SOPInstanceUID": instance}, fuzzymatching=True)


def test_without_signing_in_nothing_is_told(served):
    for path in ("/studies", "/series", "/instances", "/studies/1.2/series"):
        assert httpx.get(f"{served.url}/dicom-web{path}").status_code == 401


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [("gzip, deflate, br, zstd", "gzip"), ("*", "gzip"), ("identity", None), ("gzip;q=0, deflate", None)],
)
def test_long_lists_are_compressed_for_those_who_take_it(kashi, accepts, encoding):
    answer = kashi.get("/instances", headers={"Accept-Encoding": accepts})
    assert answer.headers.get("content-encoding") == encoding
    assert len(answer.json()) > 15


@pytest.mark.parametrize(
    ("level", "query", "name"),
    [
        ("series", "RequestAttributesSequence.ScheduledProcedureStepID=SPS_7", "worklisted"),
        ("series", "00400275.00400009=SPS?7&00400275.00401001=RP*", "worklisted"),
        ("series", "PerformedProcedureStepStartDate=20240101-20240301", "worklisted"),
        ("series", "StudyID=1CT1&ProtocolName=", None),
        ("studies", "PatientAge=034Y", "worklisted"),
        ("instances", "WindowWidth=1234&SOPClassUID=1.2.840.10008.5.1.4.1.1.2", "worklisted"),
        ("instances", "00400275.00400009=SPS_7", "worklisted"),
    ],
)
def test_attributes_that_are_in_no_index(served, kashi, level, query, name):
    found = kashi.get(f"/{level}?{query}").json()
    if name is None:
        assert len(found) > 1
    else:
        assert [item["0020000D"]["Value"][0] for item in found] == [served[name].uids[0]]


def test_one_item_of_a_sequence_meets_all_its_keys(kashi):
    both = "00400275.00400009=SPS_7&00400275.00401001=OTHER"
    assert kashi.get(f"/series?{both}").json() == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("PatientID=1CT1%5CS%251&multiplevaluematching=true", {"CT_small.dcm", "slice 1"}),
        ("PatientID=1CT1%5CS%251", set()),
        ('AccessionNumber=""&emptyvaluematching=true&PatientID=D_1', {"document"}),
        ("StudyDate=20040119-20040119&StudyTime=070000-080000", {"CT_small.dcm", "slice 1"}),
        ("StudyDate=20040118-20040120&StudyTime=235900-000100", {"CT_small.dcm", "slice 1"}),
    ],
)
def test_kinds_of_matching(served, kashi, query, found):
    own = {served[name].uids[0] for name in ("CT_small.dcm", "slice 1", "document")}
    assert studies(kashi, query) & own == {served[name].uids[0] for name in found}


def test_fields_that_nobody_knows_are_passed_over_with_a_warning(kashi):
    answer = kashi.get("/studies?includefield=nothing,00081030&includefield=%22x&limit=1")
    assert answer.status_code == 200
    assert "00081030" in answer.json()[0]
    assert answer.headers["warning"].startswith('299 farlight "There are additional results')
    assert answer.headers["warning"].endswith('were passed over: nothing ?x"')


def test_how_many_there_are(kashi):
    whole = kashi.get("/instances?limit=5000")
    assert whole.headers["x-total-count"] == str(len(whole.json()))
    for path in (
        "/studies",
        "/series",
        "/instances",
        "/studies?ModalitiesInStudy=CT",
        "/instances?WindowWidth=1*",
    ):
        both = "&" if "?" in path else "?"
        every = len(kashi.get(f"{path}{both}limit=5000").json())
        page = kashi.get(f"{path}{both}limit=1", headers={"Prefer": "count=exact"})
        assert page.headers["x-total-count"] == str(every)
        assert page.headers["preference-applied"] == "count=exact"
        assert kashi.get(f"{path}{both}limit=1").headers["x-total-count"] == str(every)
    beyond = kashi.get("/studies?offset=5000")
    assert (beyond.json(), int(beyond.headers["x-total-count"])) == ([], len(kashi.get("/studies").json()))


def test_a_list_that_did_not_change_is_not_sent_again(kashi):
    path = "/studies?limit=3&includefield=nothing"
    first = kashi.get(path)
    again = kashi.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("etag", "x-total-count", "warning", "vary", "cache-control"):
        assert again.headers[name] == first.headers[name]
    assert kashi.get("/studies?limit=4", headers={"If-None-Match": first.headers["etag"]}).status_code == 200
    head = kashi.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == first.headers["etag"]


def test_what_is_computed(served, kashi):
    stored = served["slice 1"]
    (study,) = kashi.get(f"/studies?StudyInstanceUID={stored.uids[0]}&includefield=SOPClassesInStudy").json()
    values = {tag: study[tag].get("Value") for tag in study}
    assert values["00080062"] == ["1.2.840.10008.5.1.4.1.1.2"]
    assert (values["00201206"], values["00201208"], values["00080061"]) == ([1], [5], ["CT"])
    assert values["00080056"] == ["ONLINE"]
    (item, *_) = kashi.get(f"{stored.series}/instances?includefield=AvailableTransferSyntaxUID").json()
    assert item["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]
