"""What should not have come: each wire names what was wrong, answers as its standard says, and goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
from pydicom import dcmread
from pydicom.data import get_testdata_file
from running import PASSWORD, Client, Program, wait_for


def test_the_dicom_wire_refuses_and_goes_on(program: Program, tmp_path: Path) -> None:
    good = str(get_testdata_file("CT_small.dcm"))
    (tmp_path / "text.dcm").write_text("no DICOM at all")
    assert program.dcmtk("storescu", str(tmp_path / "text.dcm"), check=False).returncode != 0

    unknown = program.dcmtk("storescu", "-v", "-aet", "STRANGER", good, check=False)
    assert "Calling AE Title Not Recognized" in unknown.stdout + unknown.stderr
    wrong = program.dcmtk("echoscu", "-v", "-aec", "SOMEBODY", check=False)
    assert "Called AE Title Not Recognized" in wrong.stdout + wrong.stderr

    with socket.create_connection(("127.0.0.1", program.dicom_port)) as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 40)
    assert program.dcmtk("echoscu", check=True).returncode == 0

    headless = dcmread(good)
    del headless.StudyInstanceUID
    headless.save_as(tmp_path / "headless.dcm")
    refused = program.dcmtk("storescu", "-v", "-R", str(tmp_path / "headless.dcm"), check=False)
    assert "Received Store Response (Error" in refused.stdout + refused.stderr or "Cannot Understand" in (
        refused.stdout + refused.stderr
    )
    program.dcmtk("storescu", good)

    admin, technician = program.client("admin"), program.client("technician")
    wait_for(
        "the refused caller in the list",
        lambda: "STRANGER" in {line["calling_ae_title"] for line in admin.get("/api/refusals").json()},
    )
    assert technician.get("/api/refusals").status_code == 403
    assert technician.get("/api/studies").json()["total"] == 1


def test_the_http_wire_names_what_was_wrong(program: Program) -> None:
    program.dcmtk("storescu", str(get_testdata_file("CT_small.dcm")))
    reader = program.client("reader")
    row = wait_for("the request", lambda: (reader.queue() or [None])[0])
    stranger = Client(program.url)
    program.clients.append(stranger)
    for path in (
        "/api/me",
        "/api/requests",
        "/dicom-web/studies",
        "/api/reports/x/versions/1.pdf",
        "/api/events",
    ):
        answer = stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED"), path
        assert answer.headers["content-type"] == "application/problem+json"

    cases = [
        (reader.get("/api/requests?view=everything"), 400, "view"),
        (reader.get("/api/requests?limit=100000"), 400, "limit"),
        (reader.get("/api/requests/99999"), 404, "99999"),
        (reader.get(f"/api/requests/{10**30}"), 400, "request_id"),
        (reader.get(f"/api/requests?offset={10**30}"), 400, "offset"),
        (reader.get("/api/requests?text=%00%ed%a0%80"), 200, ""),
        (reader.get("/api/nothing-here"), 404, ""),
        (reader.command(row["id"], "fly"), 404, "fly"),
        (reader.command(row["id"], "images-ready"), 404, "images-ready"),
        (reader.command(row["id"], "claim", colour="red"), 400, "colour"),
        (reader.command(row["id"], "sign", token="x", draft_version=0, password=PASSWORD), 409, "claim"),
        (reader.command(row["id"], "reject", token="x"), 409, ""),
        (reader.get("/dicom-web/studies/1.2.3/metadata"), 404, ""),
        (reader.command(row["id"], "claim", reason_text="x" * (2 << 20)), 413, "1024 KiB"),
        (reader.post("/api/session", content=_endless()), 400, ""),
    ]
    for answer, status, names in cases:
        assert answer.status_code == status, f"{answer.request.url}: {answer.text}"
        if status != httpx.codes.OK:
            assert answer.headers["content-type"] == "application/problem+json"
            assert names in answer.json()["detail"], answer.text


def _endless() -> Iterator[bytes]:
    """A body without an announced length."""
    yield b'{"username": "'
    for _ in range(40):
        yield b"x" * (1 << 16)


def test_a_report_is_not_signed_with_a_stale_token(program: Program) -> None:
    program.dcmtk("storescu", "-aet", "AKSU_CT", str(get_testdata_file("CT_small.dcm")))
    reader, dispatcher = program.client("reader"), program.client("dispatcher")
    row = wait_for("the request", lambda: (reader.queue() or [None])[0])
    token = reader.ok(row["id"], "claim")["claim"]["token"]
    version = reader.save(row["id"], token, 0, findings="x", impression="y", positivity="NEGATIVE")
    dispatcher.ok(row["id"], "takeover", reason_code="110526")
    late = reader.command(row["id"], "sign", token=token, draft_version=version, password=PASSWORD)
    assert (late.status_code, late.json()["code"]) == (409, "CLAIM_LOST")
    body = {"token": token, "version": version, "content": {}}
    saved = reader.put(f"/api/requests/{row['id']}/draft", json=body)
    assert (saved.status_code, saved.json()["code"]) == (409, "CLAIM_LOST")
    assert reader.get(f"/api/requests/{row['id']}").json()["state"] == "READING"


def test_guessing_passwords_is_slowed_down(program: Program) -> None:
    client = Client(program.url)
    program.clients.append(client)
    body = {"username": "reader", "password": "wrong-password"}
    assert [client.post("/api/session", json=body).status_code for _ in range(5)] == [401] * 5
    locked = client.post("/api/session", json={"username": "reader", "password": PASSWORD})
    assert locked.status_code == 429
    assert int(locked.headers["retry-after"]) > 0
    nobody = {**body, "username": "nobody"}
    answers = [client.post("/api/session", json=nobody).status_code for _ in range(6)]
    assert answers == [401] * 5 + [429], "a name that does not exist is told apart by nothing"


def test_a_cookie_does_nothing_for_another_sites_page(program: Program) -> None:
    reader = program.client("reader")
    answer = reader.delete("/api/session", headers={"origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN")
    assert reader.get("/api/me").status_code == 200
    assert reader.delete("/api/session", headers={"origin": program.url}).status_code == 204
    assert reader.get("/api/me").status_code == 401


def test_no_patient_data_in_the_log(program: Program, tmp_path: Path) -> None:
    sentinel = dcmread(str(get_testdata_file("CT_small.dcm")))
    sentinel.PatientName, sentinel.PatientID = "SENTINEL^PATIENT", "SENTINEL-ID"
    sentinel.save_as(tmp_path / "sentinel.dcm")
    program.dcmtk("storescu", str(tmp_path / "sentinel.dcm"))
    truncated = (tmp_path / "sentinel.dcm").read_bytes()[:9000]
    (tmp_path / "truncated.dcm").write_bytes(truncated)
    program.dcmtk("storescu", "-aet", "STRANGER", str(tmp_path / "sentinel.dcm"), check=False)
    reader = program.client("reader")
    wait_for("the request", reader.queue)
    reader.get("/api/requests", params={"text": "SENTINEL"})
    reader.get("/dicom-web/studies", params={"PatientName": "SENTINEL*", "NoSuchKey": "SENTINEL"})
    reader.get("/dicom-web/studies/SENTINEL/metadata")
    metrics = reader.get("/metrics").text
    program.stop()
    log = program.log.read_text()
    assert "stopped" in log, "something was logged"
    assert "SENTINEL" not in log
    assert "SENTINEL" not in metrics


def test_a_stream_of_events_ends_with_its_session(program: Program) -> None:
    reader = program.client("reader")
    token = reader.post("/api/session", json={"username": "reader", "password": PASSWORD}).json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    other = Client(program.url)
    program.clients.append(other)
    with other.stream("GET", "/api/events", headers=headers) as stream:
        lines = stream.iter_lines()
        assert "event: ready" in [next(lines) for _ in range(4)]
        assert other.delete("/api/session", headers=headers).status_code == 204
        rest = list(lines)  # ends by itself, or this test times out
    assert not any(line.startswith("event: request") for line in rest)


def test_an_open_stream_does_not_hold_up_the_end(program: Program) -> None:
    reader = program.client("reader")
    with reader.stream("GET", "/api/events") as stream:
        lines = stream.iter_lines()
        assert "event: ready" in [next(lines) for _ in range(4)]
        assert program.process is not None
        program.process.terminate()
        list(lines)  # ends with the program, in good order
        assert program.process.wait(15) == 0, "it drains at once: nobody waits for the streams to be given up"
    assert '"process did not end' not in program.log.read_text()
