"""Images that are rejected: by hand, by a PACS, seen by those who may, and had back."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pydicom
import pytest
from pydicom.data import get_testdata_file
from served import Served, as_file, made_slice, serve
from sqlalchemy import select

from storage.archive import open_archive
from storage.ingest import Sender, ingest_file
from storage.json_model import to_json
from storage.rejection_note import Reference, write_note
from storage.tables import audit

STUDY, SERIES = "/studies/2.25.50", "/studies/2.25.50/series/2.25.50.1"
SLICE = f"{SERIES}/instances/2.25.50.1.3"
RESOURCES = (
    *(SLICE, f"{SLICE}/metadata", f"{SLICE}/frames/1", f"{SLICE}/rendered", f"{SLICE}/thumbnail"),
    f"{SLICE}/bulkdata/7FE00010",
)


@pytest.fixture
def slices(tmp_path, prepared_database):
    """Five slices of Kashi, and one of them at Aksu, behind HTTP."""
    shutil.copy(prepared_database, tmp_path / "farlight.db")
    archive = open_archive(f"sqlite:///{tmp_path / 'farlight.db'}", f"file://{tmp_path / 'blobs'}", tmp_path)
    for number in range(1, 6):
        ingest_file(archive, made_slice(number), Sender("KASHI", "CT1", issuer="KASHI"))
    ingest_file(archive, made_slice(3, "Somebody^Else"), Sender("AKSU", "CT9"))
    with serve(archive) as url:
        yield Served(url, archive)
    archive.close()


def uids(client):
    found = [item["00080018"]["Value"][0] for item in client.get(f"{SERIES}/instances").json()]
    told = [item["00080018"]["Value"][0] for item in client.get(f"{SERIES}/metadata").json() or []]
    assert found == told
    return [uid.rpartition(".")[2] for uid in found]


def test_a_rejected_slice_is_nowhere_and_comes_back(slices):
    with slices.client("technician") as kashi, slices.client("aksu") as aksu:
        before = {path: kashi.get(path).status_code for path in RESOURCES}
        assert set(before.values()) == {200}
        assert uids(kashi) == ["1", "2", "3", "4", "5"]
        answer = kashi.delete(SLICE, params={"reason": "113037", "comment": "of another patient"})
        assert (answer.status_code, answer.json()["instances"], answer.json()["code"]) == (200, 1, "113037")
        assert {kashi.get(path).status_code for path in RESOURCES} == {404}
        assert uids(kashi) == ["1", "2", "4", "5"]
        (study,) = kashi.get("/studies?StudyInstanceUID=2.25.50").json()
        assert (study["00201206"]["Value"], study["00201208"]["Value"]) == ([1], [4])
        assert kashi.get("/instances?SOPInstanceUID=2.25.50.1.3").json() == []
        assert kashi.get("/studies?SOPInstanceUID=2.25.50.1.3").json() == []
        assert aksu.get(SLICE).status_code == 200
        api = f"{slices.url}/api/rejections"
        (listed,) = kashi.get(api).json()
        assert (listed["reason"], listed["actor"], listed["instances"]) == (
            "of another patient",
            "technician",
            1,
        )
        assert [each["sop_instance_uid"] for each in kashi.get(f"{api}/{listed['id']}").json()["hidden"]] == [
            "2.25.50.1.3"
        ]
        file = kashi.get(f"{api}/{listed['id']}/instances/2.25.50.1.3")
        assert file.content[-33000:] == made_slice(3)[-33000:]
        assert (aksu.get(api).json(), aksu.get(f"{api}/{listed['id']}").status_code) == ([], 404)
        back = kashi.post(f"{api}/{listed['id']}/undo", json={"reason_text": "it was not"})
        assert back.status_code == 204
        assert {path: kashi.get(path).status_code for path in RESOURCES} == before
        assert uids(kashi) == ["1", "2", "3", "4", "5"]
        assert kashi.post(f"{api}/{listed['id']}/undo", json={}).status_code == 409
    with slices.archive.database.read() as connection:
        done = connection.execute(select(audit.c.action, audit.c.actor).order_by(audit.c.id)).all()
    assert {("reject-images", "technician"), ("restore-images", "technician")} <= {tuple(row) for row in done}


@pytest.mark.parametrize("path", [STUDY, SERIES])
def test_a_whole_study(slices, path):
    with slices.client("gateway", "/sites/KASHI/dicom-web") as gateway:
        assert gateway.delete(path).json()["instances"] == 5
        assert gateway.get("/studies").json() == []
        assert gateway.get(f"{STUDY}/metadata").status_code == 404
        assert gateway.get(f"{STUDY}/series").json() == []
        assert gateway.delete(path).status_code == 404


def test_a_note_of_the_hospitals_pacs(slices):
    header = to_json(pydicom.dcmread(get_testdata_file("CT_small.dcm"), stop_before_pixels=True))
    patient = {tag: header[tag] for tag in ("00100030", "00100040", "00080020")}
    patient |= {"00100020": {"vr": "LO", "Value": ["S%1"]}, "0020000D": {"vr": "UI", "Value": ["2.25.50"]}}
    patient["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": "Slices^Five"}]}
    references = [Reference("2.25.50.1", "1.2.840.10008.5.1.4.1.1.2", f"2.25.50.1.{n}") for n in (2, 4)]
    data, syntax = write_note(patient, references, "113001", "motion", datetime(2026, 1, 2, tzinfo=UTC))
    note = as_file(pydicom.dcmread(pydicom.filebase.DicomBytesIO(data), force=True), syntax)
    content = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + note + b"\r\n--b--\r\n"
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    with slices.client("technician") as kashi:
        assert kashi.post("/studies", content=content, headers=kind).status_code == 200
        assert uids(kashi) == ["1", "3", "5"]


CASES = (
    ("aksu", SERIES.replace("2.25.50", "2.25.51"), "", 404),
    ("referrer", STUDY, "", 403),
    ("ops", STUDY, "", 404),
    ("technician", STUDY, "?reason=113039", 403),
    ("technician", STUDY, "?reason=113000", 400),
    ("technician", STUDY, "?comment=" + "x" * 1025, 400),
    ("technician", f"{SERIES}/instances/2.25.9", "", 404),
    ("technician", f"{SLICE}?reason=113001^DCM", "", 200),
    ("admin", STUDY, "?reason=113039", 200),
)


def test_who_may_reject_what(slices):
    for who, path, query, status in CASES:
        with slices.client(who) as client:
            answer = client.delete(path + query)
        assert answer.status_code == status, (who, path, query)
        if status != 200:
            assert answer.headers["content-type"] == "application/problem+json"


def test_another_sites_page_cannot_reject(slices):
    with slices.client("technician") as kashi:
        answer = kashi.delete(SLICE, headers={"Origin": "https://elsewhere.example.org"})
        assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN")
        assert kashi.get(SLICE).status_code == 200
