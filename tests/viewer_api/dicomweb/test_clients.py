"""Clients that nobody here wrote, against the running program: dicomweb-client with all its verbs, and OHIF's calls."""

from __future__ import annotations

import io
from contextlib import contextmanager
from urllib.parse import quote

import httpx
import pydicom
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from running import Client, Program
from served import PDF, made_document, made_slice, parts_of, references

FILES = (
    "emri_small_RLE.dcm",
    "examples_palette.dcm",
    "liver.dcm",
    "waveform_ecg.dcm",
    "JPEG2000.dcm",
    "test-SR.dcm",
)
RLE = ("image/dicom-rle", "1.2.840.10008.1.2.5")


@pytest.fixture(scope="module")
def program(tmp_path_factory, prepared_database):
    """The program, as it is started."""
    running = Program(tmp_path_factory.mktemp("clients")).prepare().start()
    yield running
    running.stop()


@contextmanager
def dicomweb(program, username="technician"):
    """The client, signed in by a bearer token."""
    with Client(program.url) as signed, requests.Session() as session:
        headers = {"Authorization": f"Bearer {signed.sign_in(username)['token']}"}
        yield DICOMwebClient(f"{program.url}/dicom-web", session=session, headers=headers)


@pytest.fixture(scope="module")
def stored(program):
    """What the client has stored, by name."""
    datasets = {name: pydicom.dcmread(get_testdata_file(name)) for name in FILES}
    datasets |= {f"slice {n}": pydicom.dcmread(io.BytesIO(made_slice(n))) for n in range(1, 6)}
    datasets["document"] = pydicom.dcmread(io.BytesIO(made_document()))
    with dicomweb(program) as client:
        answer = client.store_instances(list(datasets.values()))
        slices = [dataset for name, dataset in datasets.items() if name.startswith("slice")]
        again = client.store_instances(slices, study_instance_uid="2.25.50")
    assert len(answer.ReferencedSOPSequence) == len(datasets)
    assert "FailedSOPSequence" not in answer
    assert len(again.ReferencedSOPSequence) == 5
    return datasets


def uids(dataset):
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def address(dataset, level="instance"):
    study, series, instance = uids(dataset)
    below = {"study": "", "series": f"/series/{series}", "instance": f"/series/{series}/instances/{instance}"}
    return f"/dicom-web/studies/{study}{below[level]}"


def test_searching(program, stored):
    with dicomweb(program) as client:
        assert len(client.search_for_studies()) == len(
            {dataset.StudyInstanceUID for dataset in stored.values()}
        )
        (found,) = client.search_for_studies(search_filters={"PatientID": "S%1"}, fields=["StudyDescription"])
        assert found["0020000D"]["Value"] == ["2.25.50"]
        assert len(client.search_for_studies(limit=2, offset=1)) == 2
        assert client.search_for_studies(search_filters={"PatientName": "slices*"}, fuzzymatching=True)
        assert client.search_for_studies(search_filters={"StudyDate": "18000101-18000102"}) == []
        (series,) = client.search_for_series("2.25.50", fields=["all"], get_remaining=True)
        assert series["00201209"]["Value"] == [5]
        assert len(client.search_for_instances("2.25.50", "2.25.50.1", limit=3, offset=1)) == 3
        assert len(client.search_for_instances(search_filters={"Modality": "ECG"})) == 1


def test_retrieving(program, stored):
    emri = stored["emri_small_RLE.dcm"]
    with dicomweb(program) as client:
        assert client.retrieve_instance(*uids(emri)).PixelData == emri.PixelData
        assert [each.InstanceNumber for each in client.retrieve_study("2.25.50")] == [1, 2, 3, 4, 5]
        client.set_chunk_size(10_000)
        assert [each.InstanceNumber for each in client.iter_series("2.25.50", "2.25.50.1")] == [1, 2, 3, 4, 5]
        assert (
            len(list(client.iter_study("2.25.50")))
            == len(client.retrieve_series("2.25.50", "2.25.50.1"))
            == 5
        )
        typed = client.retrieve_instance(*uids(emri), media_types=(("application/dicom", "*"),))
        assert typed.file_meta.TransferSyntaxUID == RLE[1]
        assert len(client.retrieve_study_metadata("2.25.50")) == 5
        assert len(client.retrieve_series_metadata("2.25.50", "2.25.50.1")) == 5
        assert client.retrieve_instance_metadata(*uids(emri))["00280008"]["Value"] == [10]


def test_frames_and_bulk_data(program, stored):
    emri = stored["emri_small_RLE.dcm"]
    compressed = list(generate_frames(emri.PixelData, number_of_frames=10))
    with dicomweb(program) as client:
        assert client.retrieve_instance_frames(*uids(emri), [2, 1]) == [
            frame.astype("<u2").tobytes() for frame in emri.pixel_array[[1, 0]]
        ]
        assert client.retrieve_instance_frames(*uids(emri), [3, 3, 1], media_types=(RLE,)) == [
            compressed[number - 1] for number in (3, 3, 1)
        ]
        assert (
            list(client.iter_instance_frames(*uids(emri), list(range(1, 11)), media_types=(RLE,)))
            == compressed
        )
        palette = stored["examples_palette.dcm"]
        for url in references(client.retrieve_instance_metadata(*uids(palette))):
            (whole,) = client.retrieve_bulkdata(url)
            assert list(client.iter_bulkdata(url)) == [whole]
            octets = ("application/octet-stream",)
            (part,) = client.retrieve_bulkdata(url, media_types=octets, byte_range=(10, 19))
            assert part == whole[10:20]
        document = f"{program.url}{address(stored['document'])}/bulkdata/00420011"
        assert client.retrieve_bulkdata(document) == [PDF]


def test_pictures(program, stored):
    emri = stored["emri_small_RLE.dcm"]
    with dicomweb(program) as client:
        params = {"quality": 50, "viewport": "100,100", "window": "40,400,linear", "annotation": "patient"}
        kinds = {"image/jpeg": b"\xff\xd8", "image/png": b"\x89PNG", "image/gif": b"GIF8"}
        for kind, magic in kinds.items():
            for made in (
                client.retrieve_instance_rendered(*uids(emri), media_types=(kind,), params=params),
                client.retrieve_instance_frames_rendered(*uids(emri), [2], media_types=(kind,)),
                client.retrieve_series_rendered(*uids(emri)[:2], media_types=(kind,)),
            ):
                assert made.startswith(magic)


def test_deleting(program):
    extra = [pydicom.dcmread(io.BytesIO(made_slice(n))) for n in range(1, 5)]
    for number, dataset in enumerate(extra):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.99", f"2.25.99.{number // 2}"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"2.25.99.9.{number}"
    with dicomweb(program) as client:
        client.store_instances(extra)
        for delete, left in (
            (lambda: client.delete_instance(*uids(extra[0])), 3),
            (lambda: client.delete_series(*uids(extra[1])[:2]), 2),
            (lambda: client.delete_study(extra[2].StudyInstanceUID), 0),
        ):
            delete()
            images = [
                one for one in client.search_for_instances("2.25.99") if one["00080060"]["Value"] == ["CT"]
            ]
            assert len(images) == left


@pytest.fixture(scope="module")
def ohif(program):
    """As a page of another origin calls: a bearer token, and every encoding."""
    with Client(program.url) as client:
        token = client.sign_in("technician")["token"]
        client.cookies.clear()
        client.headers.update(
            {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip, deflate, br, zstd"}
        )
        yield client


JSON = "application/dicom+json"
LIST = "/dicom-web/studies?limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060%2C00080090%2C00100030"
OCTETS = 'multipart/related; type="application/octet-stream"'


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", None),
        ("&PatientName=*SLICES*", 1),
        ("&00100020=*s%251*", 1),
        ("&ModalitiesInStudy=MR%2CCT", None),
        ("&StudyDate=20040101-20040131", 1),
        ("&PatientName=Slices%5EFive", 1),
        ("&StudyInstanceUID=2.25.50", 1),
        ("&StudyInstanceUID=2.25.1234567", 0),
        ("&00100020=S%251", 1),
    ],
)
def test_ohif_lists_studies(ohif, stored, query, count):
    answer = ohif.get(LIST + query, headers={"Accept": JSON})
    assert answer.status_code in (200, 204), answer.text
    found = answer.json() if answer.content else []
    assert all("00080005" in one and "0020000D" in one for one in found)
    assert len(found) == count if count is not None else found


@pytest.mark.parametrize(
    "path",
    [
        "/series?includefield=0008103E%2C00080021",
        "/series?includefield=00080021%2C00080031%2C0008103E%2C00200011",
        "/series?includefield=00080021%2C00080031%2C0008103E%2C00200011&SeriesInstanceUID=2.25.50.1",
        "/series/2.25.50.1/instances?limit=1&includefield=00080018",
    ],
)
def test_ohif_opens_a_study(ohif, stored, path):
    answer = ohif.get(f"/dicom-web/studies/2.25.50{path}", headers={"Accept": JSON})
    assert (answer.status_code, answer.headers["content-type"], len(answer.json())) == (200, JSON, 1)


@pytest.mark.parametrize("name", [*FILES, "slice 1", "document"])
@pytest.mark.parametrize("level", ["study", "series"])
def test_ohif_reads_metadata_and_what_they_refer_to(ohif, program, stored, name, level):
    answer = ohif.get(f"{address(stored[name], level)}/metadata", headers={"Accept": JSON})
    assert answer.status_code == 200
    for url in references(answer.json()):
        for accept in (OCTETS, "application/octet-stream", f"{OCTETS}; transfer-syntax=*"):
            assert ohif.get(url, headers={"Accept": accept}).status_code == 200, (url, accept)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (f'{OCTETS}; transfer-syntax="*"', 200),
        ("multipart/related; type=application/octet-stream; transfer-syntax=*", 200),
        ("*/*", 200),
        (f'{OCTETS}; transfer-syntax="1.2.840.10008.1.2.1"', 200),
        ('multipart/related; type="image/jls"; transfer-syntax="1.2.840.10008.1.2.4.80"', 406),
        ('multipart/related; type="image/jp2"; transfer-syntax="1.2.840.10008.1.2.4.90"', 406),
        ("multipart/related; type=image/jphc; transfer-syntax=1.2.840.10008.1.2.4.202", 406),
        ("application/octet-stream", 200),
        (f'multipart/related; type="image/jls", multipart/related; type="image/jp2", {OCTETS}', 200),
    ],
)
@pytest.mark.parametrize("name", ["slice 1", "emri_small_RLE.dcm", "JPEG2000.dcm", "liver.dcm"])
def test_ohif_reads_frames(ohif, stored, name, accept, status):
    answer = ohif.get(f"{address(stored[name])}/frames/1", headers={"Accept": accept})
    assert answer.status_code == status
    if status == 200 and answer.headers["content-type"].startswith("multipart"):
        ((content_type, content),) = parts_of(answer)
        assert "transfer-syntax=" in content_type
        assert content


def test_ohif_reads_whole_instances_documents_and_small_pictures(ohif, program, stored):
    segmentation = ohif.get(
        address(stored["liver.dcm"]), headers={"Accept": 'multipart/related; type="application/dicom"'}
    )
    ((_, content),) = parts_of(segmentation)
    assert pydicom.dcmread(io.BytesIO(content)).Modality == "SEG"
    accept = f'multipart/related; type="application/pdf", {OCTETS}'
    document = ohif.get(f"{address(stored['document'])}/bulkdata/00420011", headers={"Accept": accept})
    assert parts_of(document) == [("application/pdf", PDF)]
    for level in ("series", "instance"):
        url = address(stored["slice 3"], level)
        for query, accept in (
            ("viewport=256%2C256", "image/jpeg"),
            (f"accept={quote('image/jpeg', safe='')}", OCTETS),
            (
                "accept=image/jpeg",
                "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
            ),
        ):
            answer = ohif.get(f"{url}/thumbnail?{query}", headers={"Accept": accept})
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.content.startswith(b"\xff\xd8")


def test_a_picture_in_a_page_needs_only_the_cookie(program, stored):
    with Client(program.url) as browser:
        browser.sign_in("technician")
        url = f"{address(stored['slice 3'])}/thumbnail?accept=image/jpeg"
        assert browser.get(url, headers={"Accept": "image/*,*/*;q=0.8"}).status_code == 200
        assert httpx.get(program.url + url).status_code == 401


def test_ohif_stores_a_report(ohif, program, stored):
    report = stored["test-SR.dcm"].copy()
    report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = "2.25.4711"
    out = io.BytesIO()
    report.save_as(out)
    content = b"--b\r\nContent-Type: application/dicom\r\n\r\n%s\r\n--b--" % out.getvalue()
    kind = 'multipart/related; type="application/dicom"; boundary="b"'
    answer = ohif.post("/dicom-web/studies", content=content, headers={"Content-Type": kind, "Accept": "*/*"})
    assert answer.status_code == 200
    assert ohif.get(f"{address(report)}/metadata", headers={"Accept": JSON}).status_code == 200
