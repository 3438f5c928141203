"""What senders get for what they send, and what is in the archive afterwards."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, _config
from sqlalchemy import select
from structlog.testing import capture_logs

from dicom_node.node import DicomNode
from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.tables import held_aside, patient

US_RETIRED = "1.2.840.10008.5.1.4.1.1.6"
NEWER_THAN_THE_DICTIONARY = "1.2.840.10008.5.1.4.1.1.999.1"
PRIVATE = "1.3.12.2.1107.5.9.1"
HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"


@pytest.fixture
def send(node: DicomNode) -> Callable[..., list[Dataset]]:
    """Sends data sets as KASHI_PACS over one association; the answers' status elements."""

    def store(*datasets: Dataset, **how: object) -> list[Dataset]:
        entity = AE("KASHI_PACS")
        for dataset in datasets:
            entity.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
        association = entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
        assert association.is_established
        answers = [association.send_c_store(dataset, **how) for dataset in datasets]
        association.release()
        association.join(5)
        return answers

    return store


@pytest.mark.parametrize("sop_class_uid", [US_RETIRED, NEWER_THAN_THE_DICTIONARY, PRIVATE])
def test_retired_unknown_and_private_classes_are_stored(
    send: Callable, held: Callable, ct: Path, sop_class_uid: str
) -> None:
    dataset = dcmread(ct)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = sop_class_uid
    (answer,) = send(dataset)
    assert answer.Status == 0x0000
    (stored,) = held()
    assert (stored.sop_class_uid, stored.site) == (sop_class_uid, "KASHI")


def test_what_belongs_to_no_patient_is_refused_when_proposed(node: DicomNode) -> None:
    entity = AE("KASHI_PACS")
    entity.add_requested_context(HANGING_PROTOCOL)
    entity.add_requested_context(US_RETIRED)
    association = entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
    (refused,) = association.rejected_contexts
    assert (refused.abstract_syntax, refused.result) == (HANGING_PROTOCOL, 0x03)
    association.release()


def test_the_senders_issuer_completes_the_patients_identity(
    storescu: Callable, ct: Path, archive: Archive
) -> None:
    assert storescu(ct).code == 0
    with archive.database.read() as connection:
        (row,) = connection.execute(select(patient.c.site, patient.c.issuer))
    assert tuple(row) == ("KASHI", "KASHI-HIS")


def test_the_same_again_is_success_and_nothing_new(storescu: Callable, ct: Path, held: Callable) -> None:
    for _ in range(3):
        assert "Received Store Response (Success)" in storescu(ct).output
    assert len(held()) == 1


def test_other_bytes_under_a_known_uid_are_held_aside(
    storescu: Callable, ct: Path, variant: Callable, held: Callable, archive: Archive, dataset_of: Callable
) -> None:
    other = variant(ct, "other.dcm", SeriesDescription="sent again by another gateway")
    assert storescu(ct).code == 0
    with capture_logs() as lines:
        assert "Received Store Response (Success)" in storescu(other).output
    (stored,) = held()
    assert dataset_of(stored) == dataset_of(ct)
    with archive.database.read() as connection:
        aside = connection.execute(select(held_aside)).one()
    kept = archive.blobs.read(aside.blob_key)
    assert kept.endswith(dataset_of(other))
    assert aside.kind == "OTHER_CONTENT"
    assert [line["reason"] for line in lines if line["event"] == "instance held aside"]


def test_eight_senders_at_once(
    dcmtk: Callable, start_node: Callable, ct: Path, variant: Callable, held: Callable
) -> None:
    node = start_node()
    files = [
        [variant(ct, f"s{sender}-{n}.dcm", SOPInstanceUID=generate_uid(), InstanceNumber=n) for n in range(6)]
        for sender in range(8)
    ]
    codes: list[int] = []

    def run(paths: list[Path]) -> None:
        sent = dcmtk("storescu", "-aet", "KASHI_PACS", "-aec", "FARLIGHT", "127.0.0.1", node.port, *paths)
        codes.append(sent.code)

    threads = [threading.Thread(target=run, args=(paths,)) for paths in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 8
    assert len({stored.sop_instance_uid for stored in held()}) == 48


def test_a_full_disk_is_out_of_resources_and_passes(
    archive: Archive, send: Callable, node: DicomNode, ct: Path, held: Callable, tmp_path: Path
) -> None:
    roomy = node.archive
    node.archive = replace(archive, blobs=FolderBlobs(tmp_path / "full", reserve=1 << 62))
    with capture_logs() as lines:
        (answer,) = send(dcmread(ct))
    assert answer.Status == 0xA700
    assert answer.ErrorComment == "the archive cannot keep this now; send it again later"
    assert [line["reason"] for line in lines if "nearly full" in line.get("reason", "")]
    assert held() == []
    node.archive = roomy
    (answer,) = send(dcmread(ct))
    assert answer.Status == 0x0000
    assert len(held()) == 1


def test_a_data_set_without_uids_is_not_understood(send: Callable, ct: Path, held: Callable) -> None:
    bad, good = dcmread(ct), dcmread(ct)
    del bad.StudyInstanceUID
    refused, stored = send(bad, good)
    assert refused.Status == 0xC000
    assert "(0020,000D) StudyInstanceUID" in refused.ErrorComment
    assert refused.OffendingElement == 0x0020000D
    assert stored.Status == 0x0000, "the association goes on"
    assert len(held()) == 1


def test_a_truncated_data_set_is_not_understood(
    raw_store: Callable, ct: Path, dataset_of: Callable, held: Callable
) -> None:
    answer = raw_store(dataset_of(ct)[:-1000])
    assert answer.Status == 0xC000
    assert re.search(r"\(7FE0,0010\) PixelData", answer.ErrorComment)
    assert len(answer.ErrorComment) <= 64
    assert answer.OffendingElement == 0x7FE00010
    assert held() == []


def test_nothing_where_a_data_set_should_be(raw_store: Callable, held: Callable) -> None:
    assert raw_store(b"").Status == 0xC000
    assert raw_store(b"this is no data set, whatever the command says").Status == 0xC000
    assert held() == []


@pytest.mark.parametrize(
    ("keyword", "element"), [("AffectedSOPClassUID", 0x00080016), ("AffectedSOPInstanceUID", 0x00080018)]
)
def test_a_command_that_names_another_object_is_a_mismatch(
    raw_store: Callable, ct: Path, dataset_of: Callable, held: Callable, keyword: str, element: int
) -> None:
    answer = raw_store(dataset_of(ct), **{keyword: "1.2.840.10008.5.1.4.1.1.4"})
    assert answer.Status == 0xA900
    assert answer.OffendingElement == element
    assert held() == []


def test_a_bug_of_ours_is_our_fault_and_told_in_the_log(
    send: Callable, ct: Path, archive: Archive, held: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_key: str, _spool: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr(archive.blobs, "keep", broken)
        (answer,) = send(dcmread(ct))
    assert answer.Status == 0x0110
    assert [line for line in lines if line["event"] == "instance failed" and line["exc_info"]]
    assert send(dcmread(ct))[0].Status == 0x0000
    assert len(held()) == 1


@pytest.fixture
def raw_store(
    node: DicomNode, tmp_path: Path, ct: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Dataset]:
    """Sends given bytes as the data set of a C-STORE under the CT file's UIDs, or under others."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)

    def store(data: bytes, **command: str) -> Dataset:
        meta = dcmread(ct).file_meta
        meta.MediaStorageSOPClassUID = command.get("AffectedSOPClassUID", meta.MediaStorageSOPClassUID)
        meta.MediaStorageSOPInstanceUID = command.get(
            "AffectedSOPInstanceUID", meta.MediaStorageSOPInstanceUID
        )
        empty = Dataset()
        empty.file_meta = meta
        path = tmp_path / "raw.dcm"
        empty.save_as(path, enforce_file_format=True)
        with path.open("ab") as file:
            file.write(data)
        entity = AE("KASHI_PACS")
        entity.add_requested_context(meta.MediaStorageSOPClassUID, ExplicitVRLittleEndian)
        association = entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
        answer: Dataset = association.send_c_store(path)
        association.release()
        association.join(5)
        path.unlink()
        return answer

    return store
