"""STOW-RS: every part for itself, through the one door."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from served import made_slice, parts_of

from storage.errors import Unavailable
from storage.retrieve import first_instance
from storage.tables import instance
from viewer_api.dicomweb.incoming_parts import IN_MEMORY_BYTES, MAX_PARTS, PartReceiver

KIND = 'multipart/related; type="application/dicom"; boundary="{}"'


def body(*parts, boundary="b", head=b"Content-Type: application/dicom"):
    pieces = [b"--%s\r\n%s\r\n\r\n%s\r\n" % (boundary.encode(), head, part) for part in parts]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode()


def post(client, content, path="/studies", content_type=None, **headers):
    headers["Content-Type"] = content_type or KIND.format("b")
    return client.post(path, content=content, headers=headers)


def test_slices_come_back_as_they_were_sent(empty):
    slices = [made_slice(number) for number in (1, 2, 3)]
    with empty.client("technician") as kashi:
        answer = post(kashi, body(*slices))
        assert answer.status_code == 200
        stored = answer.json()
        assert stored["00081190"]["Value"] == [f"{empty.url}/sites/KASHI/dicom-web/studies/2.25.50"]
        assert len(stored["00081199"]["Value"]) == 3
        assert "00081198" not in stored
        for item, sent in zip(stored["00081199"]["Value"], slices, strict=True):
            ((_, content),) = parts_of(kashi.get(item["00081190"]["Value"][0]))
            assert content.endswith(sent[-33000:])
        assert post(kashi, body(*slices)).status_code == 200
        assert len(kashi.get("/instances").json()) == 3
    with empty.client("aksu") as aksu:
        assert aksu.get("/instances").json() == []
    assert not list((empty.archive.incoming).iterdir())


def test_one_bad_part_does_not_fail_the_others(empty):
    with empty.client("gateway") as gateway:
        answer = post(gateway, body(made_slice(1), b"no DICOM", made_slice(2), b"", made_slice(3)[:-2000]))
        assert answer.status_code == 202
        assert len(answer.json()["00081199"]["Value"]) == 2
        assert [item["00081197"]["Value"] for item in answer.json()["00081198"]["Value"]] == [[0xC000]] * 3
        alone = post(gateway, body(b"no DICOM"))
        assert alone.status_code == 409
        assert "00081199" not in alone.json()


def test_a_study_in_the_address_binds(empty):
    with empty.client("technician", "/sites/KASHI/dicom-web") as kashi:
        other = Path(get_testdata_file("MR_small.dcm")).read_bytes()
        answer = post(kashi, body(made_slice(1), other), "/studies/2.25.50")
        assert answer.status_code == 202
        (failed,) = answer.json()["00081198"]["Value"]
        assert failed["00081197"]["Value"] == [0xA900]
        assert answer.json()["00081190"]["Value"] == [f"{empty.url}/sites/KASHI/dicom-web/studies/2.25.50"]


def test_other_content_under_a_known_uid_is_kept_aside(empty):
    changed = pydicom.dcmread(io.BytesIO(made_slice(1)))
    changed.PatientComments = "changed"
    out = io.BytesIO()
    changed.save_as(out)
    with empty.client("technician") as kashi:
        assert post(kashi, body(made_slice(1))).status_code == 200
        aside = post(kashi, body(out.getvalue()))
        assert aside.status_code == 202
        (told,) = aside.json()["00081199"]["Value"]
        assert told["00081196"]["Value"] == [0x0111]
        (conflict,) = kashi.get(f"{empty.url}/api/conflicts").json()
        assert conflict["sop_instance_uid"] == "2.25.50.1.1"
        assert b"changed" not in kashi.get("/studies/2.25.50/series/2.25.50.1/instances/2.25.50.1.1").content


@pytest.mark.parametrize(
    ("username", "tree", "status"),
    [
        ("technician", "/sites/AKSU/dicom-web", 403),
        ("reader", "/dicom-web", 403),
        ("referrer", "/dicom-web", 403),
        ("technician", "/sites/KASHI/dicom-web", 200),
    ],
)
def test_who_may_store(empty, username, tree, status):
    with empty.client(username, tree) as client:
        assert post(client, body(made_slice(1))).status_code == status


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/dicom", b"x", 415),
        ('multipart/related; type="application/dicom+json"; boundary=b', b"x", 400),
        ('multipart/related; type="application/dicom+xml"; boundary=b', b"x", 415),
        ('multipart/related; type="application/dicom"', b"x", 400),
        ("", b"x", 415),
        (None, b"no boundary in here", 400),
        (None, b"", 400),
        (None, body(b"x")[:-6], 400),
        ('multipart/related; type="application/dicom"; boundary=' + "b" * 80, b"x", 400),
        (
            'multipart/related; type="application/dicom"; transfer-syntax=*; boundary=b',
            body(made_slice(1)),
            200,
        ),
        ("multipart/related;boundary=b;type=application/dicom", body(made_slice(1)), 200),
    ],
)
def test_the_body_and_its_type(empty, content_type, content, status):
    with empty.client("technician") as kashi:
        headers = {"Content-Type": KIND.format("b") if content_type is None else content_type}
        assert kashi.post("/studies", content=content, headers=headers).status_code == status


def test_an_answer_that_is_not_acceptable_stores_nothing(empty):
    with empty.client("technician") as kashi:
        assert post(kashi, body(made_slice(1)), Accept="application/dicom+xml").status_code == 406
        assert kashi.get("/studies").json() == []


def test_a_part_of_another_kind_is_refused(empty):
    with empty.client("technician") as kashi:
        answer = post(kashi, body(made_slice(1), head=b"Content-Type: application/dicom+json"))
        assert answer.status_code == 409


def test_dicomweb_client_stores(empty):
    with empty.dicomweb("technician") as client:
        answer = client.store_instances([pydicom.dcmread(io.BytesIO(made_slice(n))) for n in (1, 2)])
        assert len(answer.ReferencedSOPSequence) == 2
        assert len(client.search_for_instances("2.25.50")) == 2


def test_a_request_holds_so_many_parts(empty):
    with empty.client("technician") as kashi:
        answer = post(kashi, body(made_slice(1), *[b"x"] * MAX_PARTS))
        assert answer.status_code == 413
        assert f"{MAX_PARTS} parts" in answer.json()["detail"]
        assert len(kashi.get("/instances").json()) == 1
        assert post(kashi, body(*[b"x"] * (MAX_PARTS // 4))).status_code == 409


def open_files_below(folder) -> int:
    """Unnamed ones have a place all the same."""
    opened = 0
    for number in Path("/proc/self/fd").iterdir():
        try:
            opened += str(number.readlink()).startswith(f"{folder}/#")
        except FileNotFoundError:
            continue  # the one by which the folder was listed
    return opened


def test_one_part_is_held_at_a_time(archive):
    (archive.incoming / "uploads").mkdir()
    seen = []

    def keep(part):
        with part.opened() as buffer:
            seen.append((len(buffer), bytes(buffer[:1]), open_files_below(archive.incoming)))
        part.close()

    receiver = PartReceiver("b", archive, keep)
    large = IN_MEMORY_BYTES * 2
    receiver.feed(body(b"1" * large, b"2", b"3" * large, b"4" * IN_MEMORY_BYTES))
    assert receiver.complete
    # a mapped file is open twice: by itself and by its mapping
    assert seen == [(large, b"1", 2), (1, b"2", 0), (large, b"3", 2), (IN_MEMORY_BYTES, b"4", 0)]
    assert open_files_below(archive.incoming) == 0


def test_the_reserve_of_the_disk_is_kept(empty):
    with empty.client("technician") as kashi:
        empty.archive.blobs.reserve = 1 << 60
        answer = post(kashi, body(made_slice(1)))
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert "nearly full" in answer.json()["detail"]
        empty.archive.blobs.reserve = 0
        assert post(kashi, body(made_slice(1))).status_code == 200


def test_the_reserve_is_looked_at_before_a_large_part_is_written_down(archive):
    receiver = PartReceiver("b", archive, lambda part: None)
    archive.blobs.reserve = 1 << 60
    receiver.feed(body(b"1" * 100)[:-6])
    with pytest.raises(Unavailable, match="nearly full"):
        receiver.feed(b"\r\n--b\r\n\r\n" + b"2" * (IN_MEMORY_BYTES + 1))
    receiver.close()
    assert open_files_below(archive.incoming) == 0


def test_a_folder_that_takes_nothing_is_no_bug_of_ours(empty):
    with empty.client("technician") as kashi:
        empty.archive.incoming.rmdir()
        answer = post(kashi, body(made_slice(1)))
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        empty.archive.incoming.mkdir()
        assert post(kashi, body(made_slice(1))).status_code == 200


def test_what_may_be_kept_later_is_no_conflict(empty):
    with empty.client("technician") as kashi:
        in_the_way = empty.archive.blobs.root / "KASHI"
        in_the_way.write_bytes(b"")
        answer = post(kashi, body(made_slice(1), made_slice(2)))
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) > 0
        assert post(kashi, body(made_slice(1), b"no DICOM")).status_code == 409
        in_the_way.unlink()
        assert post(kashi, body(made_slice(1), made_slice(2))).status_code == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Type: application/dicom;q=0", 409),
        (b"Content-Type: " + b"x" * 5000, 400),
        (b"Content-Type: " + b"x" * 70_000, 400),
        (b"X" * 70_000 + b": y", 400),
    ],
)
def test_strange_headers_of_a_part(empty, head, status):
    with empty.client("technician") as kashi:
        assert post(kashi, body(made_slice(1), head=head)).status_code == status


def test_bytes_that_are_gone_are_our_fault_and_never_not_found(empty):
    slices = [made_slice(number) for number in (1, 2)]
    with empty.client("technician") as kashi:
        stored = post(kashi, body(*slices)).json()["00081199"]["Value"]
        lost, here = (item["00081190"]["Value"][0] for item in stored)
        blobs = empty.archive.blobs
        first = pydicom.dcmread(io.BytesIO(slices[0]))
        with empty.archive.database.read() as connection:
            row = first_instance(connection, instance.c.sop_instance_uid == first.SOPInstanceUID)
        whole = blobs.read(row.blob_key)
        blobs.delete(row.blob_key)
        study = f"/studies/{first.StudyInstanceUID}"
        addresses = (lost, f"{lost}/frames/1", f"{lost}/rendered", study, f"{lost}/bulkdata/7FE00010")
        for address in addresses:
            answer = kashi.get(address)
            assert (answer.status_code, answer.json()["code"]) == (500, "BYTES_MISSING"), address
            assert "missing" in answer.json()["detail"]
        single = kashi.get(lost, headers={"Accept": "application/dicom"})
        assert (single.status_code, single.json()["code"]) == (500, "BYTES_MISSING")
        assert kashi.get(here).status_code == 200
        assert kashi.get(f"{lost}0").status_code == 404
        blobs.put(row.blob_key, [whole])
        assert kashi.get(study).status_code == 200
