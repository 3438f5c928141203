"""The whole loop, through the wires only: a study leaves a hospital and comes back as a signed report."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from running import PASSWORD, Client, Pacs, Program, wait_for

SLICES = 12


def ct_series(folder: Path, patient_name: str = "Wang^XiaoDong=王^小东") -> str:
    """A CT series of a Chinese patient, in GB18030; returns its study UID."""
    folder.mkdir()
    source = dcmread(str(get_testdata_file("CT_small.dcm")))
    source.SpecificCharacterSet = "GB18030"
    source.PatientName, source.PatientID = patient_name, "10086"
    source.StudyDescription = "胸部CT平扫"
    source.StudyInstanceUID, source.SeriesInstanceUID = generate_uid(), generate_uid()
    for number in range(1, SLICES + 1):
        source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        source.InstanceNumber = number
        source.save_as(folder / f"{number:03}.dcm")
    return str(source.StudyInstanceUID)


@pytest.fixture
def pacs(program: Program, tmp_path: Path) -> Iterator[list[Pacs]]:
    """A place for the hospital's PACS, which the test starts when it wants."""
    started: list[Pacs] = []
    yield started
    for one in started:
        one.stop()


def test_from_storescu_to_the_hospitals_pacs(program: Program, pacs: list[Pacs], tmp_path: Path) -> None:
    study_uid = ct_series(tmp_path / "ct")
    program.dcmtk("storescu", "+sd", str(tmp_path / "ct"))
    reader, second, reviewer = (program.client(name) for name in ("reader", "second.reader", "reviewer"))
    referrer = program.client("referrer")
    row = wait_for("the request to appear", lambda: (reader.queue() or [None])[0])
    assert row["study"]["study_instance_uid"] == study_uid
    assert row["study"]["instance_count"] == SLICES
    assert row["patient"]["name"]["ideographic"] == "王^小东"
    request_id = row["id"]

    winner, token = _race(reader, second, request_id)
    assert _lacks_drafts(referrer, request_id)
    image = _first_image(winner, study_uid)
    version = winner.save(request_id, token, 0, **_content("右肺上叶见一枚结节。", image))
    winner.ok(request_id, "submit-report", token=token, draft_version=version)
    assert referrer.get(f"/api/requests/{request_id}").json()["report_versions"] == []

    token = reviewer.ok(request_id, "claim")["claim"]["token"]
    reviewer.ok(request_id, "reject", token=token, reason_code="CONTENT", reason_text="请补充结节大小")
    seen = referrer.get(f"/api/requests/{request_id}")
    assert (seen.json()["state"], "请补充结节大小" in seen.text) == ("QUEUED", False), (
        "doctors' words stay with them"
    )
    assert "请补充结节大小" in winner.get(f"/api/requests/{request_id}").text
    token = winner.ok(request_id, "claim")["claim"]["token"]
    version = winner.save(request_id, token, version, **_content("右肺上叶见一枚结节,约 11 mm。", image))
    winner.ok(request_id, "submit-report", token=token, draft_version=version)
    token = reviewer.ok(request_id, "claim")["claim"]["token"]
    signed = reviewer.ok(request_id, "sign", token=token, draft_version=version, password=PASSWORD)["request"]
    assert signed["state"] == "REPORTED"

    _wait_for_failed_attempts(referrer, request_id)  # the hospital's PACS is down
    pacs.append(Pacs(tmp_path / "pacs", program.pacs_port))
    wait_for("both documents delivered", lambda: _all_delivered(referrer, request_id))
    documents = {d.SOPClassUID.name: d for d in map(dcmread, pacs[0].files())}
    assert sorted(documents) == ["Basic Text SR Storage", "Encapsulated PDF Storage"]
    assert pacs[0].received() == 2, "each document is sent exactly once"
    _check_documents(documents, study_uid)
    _check_what_the_referrer_gets(referrer, signed["report"]["id"])


def _race(first: Client, second: Client, request_id: int) -> tuple[Client, str]:
    """Both claim at the same moment; returns who won, with the token."""
    answers: dict[Client, object] = {}
    start = threading.Barrier(2)

    def claim(client: Client) -> None:
        start.wait()
        answers[client] = client.command(request_id, "claim")

    threads = [threading.Thread(target=claim, args=(client,)) for client in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_status = {answer.status_code: (client, answer) for client, answer in answers.items()}  # type: ignore[attr-defined]
    assert sorted(by_status) == [200, 409]
    assert by_status[409][1].json()["code"] == "ALREADY_CLAIMED"
    winner, answer = by_status[200]
    return winner, answer.json()["claim"]["token"]


def _lacks_drafts(referrer: Client, request_id: int) -> bool:
    return referrer.get(f"/api/requests/{request_id}/draft").status_code == 404


def _first_image(client: Client, study_uid: str) -> dict[str, str]:
    found = client.get(f"/sites/KASHI/dicom-web/studies/{study_uid}/instances").json()[0]
    return {
        "series_instance_uid": found["0020000E"]["Value"][0],
        "sop_instance_uid": found["00080018"]["Value"][0],
    }


def _content(findings: str, image: dict[str, str]) -> dict[str, object]:
    return {
        "technique": "胸部CT平扫",
        "findings": findings,
        "impression": "右肺上叶结节,建议随访。",
        "positivity": "POSITIVE",
        "key_images": [{**image, "frame_number": 1, "window": [40, 400], "caption": "结节"}],
    }


def _wait_for_failed_attempts(client: Client, request_id: int) -> None:
    def failed() -> bool:
        lines = client.get(f"/api/requests/{request_id}").json()["deliveries"]
        return len(lines) == 2 and all(line["attempts"] > 0 for line in lines)

    wait_for("attempts while the PACS is down", failed)
    lines = client.get(f"/api/requests/{request_id}").json()["deliveries"]
    assert {line["state"] for line in lines} <= {"RETRY_WAIT", "SENDING"}
    assert all(line["last_error"] for line in lines if line["state"] == "RETRY_WAIT")


def _all_delivered(client: Client, request_id: int) -> bool:
    lines = client.get(f"/api/requests/{request_id}").json()["deliveries"]
    return all(line["state"] == "DELIVERED" for line in lines)


def _check_documents(documents: dict[str, Dataset], study_uid: str) -> None:
    for document in documents.values():
        assert document.StudyInstanceUID == study_uid
        assert document.PatientID == "10086"
        assert str(document.PatientName) == "Wang^XiaoDong=王^小东"
    texts = [element.value for element in documents["Basic Text SR Storage"].iterall() if element.VR == "UT"]
    assert "右肺上叶见一枚结节,约 11 mm。" in texts
    assert documents["Basic Text SR Storage"].VerificationFlag == "VERIFIED"
    assert bytes(documents["Encapsulated PDF Storage"].EncapsulatedDocument).startswith(b"%PDF")


def _check_what_the_referrer_gets(referrer: Client, report_id: str) -> None:
    report = referrer.get(f"/api/reports/{report_id}").json()
    assert [version["kind"] for version in report["versions"]] == ["FINAL"]
    n = report["versions"][0]["n"]
    pdf = referrer.get(f"/api/reports/{report_id}/versions/{n}.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert referrer.get(f"/api/reports/{report_id}/versions/{n}.dcm").content[128:132] == b"DICM"
    assert referrer.get(f"/api/reports/{report_id}/versions/1.json").status_code == 404
    verification = referrer.get(f"/api/reports/{report_id}/verification").json()
    assert verification["intact"]
    assert [version["n"] for version in verification["versions"]] == [n], (
        "what was not released is not listed"
    )


def test_where_one_doctor_signs_there_is_no_review(program: Program, tmp_path: Path) -> None:
    ct_series(tmp_path / "ct")
    program.dcmtk("storescu", "-aet", "AKSU_CT", "+sd", str(tmp_path / "ct"))
    reader = program.client("reader")
    row = wait_for("the request to appear", lambda: (reader.queue() or [None])[0])
    assert (row["priority"], row["requester"]["site"]) == ("EMERGENCY", "AKSU")
    token = reader.ok(row["id"], "claim")["claim"]["token"]
    version = reader.save(
        row["id"], token, 0, findings="正常。", impression="未见异常。", positivity="NEGATIVE"
    )
    signed = reader.ok(row["id"], "sign", token=token, draft_version=version, password=PASSWORD)["request"]
    assert (signed["state"], signed["reviewer"]) == ("REPORTED", None)
    assert signed["deliveries"] == [], "Aksu's node takes no reports; the portal has them"


def test_another_hospital_sees_nothing(program: Program, tmp_path: Path) -> None:
    study_uid = ct_series(tmp_path / "ct")
    program.dcmtk("storescu", "+sd", str(tmp_path / "ct"))
    reader, stranger = program.client("reader"), program.client("aksu")
    row = wait_for("the request to appear", lambda: (reader.queue() or [None])[0])
    assert stranger.get(f"/api/requests/{row['id']}").status_code == 404
    assert stranger.get("/api/requests").json()["total"] == 0
    assert stranger.get("/api/studies").json()["total"] == 0
    assert stranger.get(f"/dicom-web/studies/{study_uid}/metadata").status_code == 404
    assert stranger.command(row["id"], "claim").status_code == 404
    assert program.client("ops").get("/api/requests").json()["total"] == 0


def test_every_transfer_syntax_arrives_as_it_was_sent(program: Program, tmp_path: Path) -> None:
    """storescu reads each file and proposes its syntax first; what is stored is the same data set, bit for bit."""
    sent = {}
    for name, option in TRANSFER_SYNTAXES.items():
        source = dcmread(str(get_testdata_file(name)))
        source.StudyInstanceUID, source.SeriesInstanceUID = generate_uid(), generate_uid()
        source.SOPInstanceUID = source.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        source.save_as(tmp_path / name, enforce_file_format=True)
        program.dcmtk("storescu", *option, str(tmp_path / name))
        sent[str(source.SOPInstanceUID)] = source
    technician = program.client("technician")
    for uid, source in sent.items():
        study = source.StudyInstanceUID
        url = f"/dicom-web/studies/{study}/series/{source.SeriesInstanceUID}/instances/{uid}"
        answer = technician.get(url, headers={"accept": "application/dicom; transfer-syntax=*"})
        assert answer.status_code == 200, answer.text
        (tmp_path / "back.dcm").write_bytes(answer.content)
        back = dcmread(tmp_path / "back.dcm")
        assert back.file_meta.TransferSyntaxUID == source.file_meta.TransferSyntaxUID
        assert back.PixelData == source.PixelData


# a file, and the option with which storescu proposes that file's syntax
TRANSFER_SYNTAXES = {
    "MR_small_implicit.dcm": ("-xi",),
    "CT_small.dcm": ("-xe",),
    "MR_small_bigendian.dcm": ("-xb",),
    "image_dfl.dcm": ("-xd",),
    "SC_rgb_jpeg_dcmtk.dcm": ("-xy",),
    "JPGExtended.dcm": ("-xx",),
    "JPEG-LL.dcm": ("-xs",),
    "MR_small_jp2klossless.dcm": ("-xv",),
    "JPEG2000.dcm": ("-xw",),
    "MR_small_jpeg_ls_lossless.dcm": ("-xt",),
    "JPEGLSNearLossless_16.dcm": ("-xu",),
    "MR_small_RLE.dcm": ("-xr",),
}
