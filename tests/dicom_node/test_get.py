"""C-GET: DCMTK's getscu and a scripted caller take studies back over their own association."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelGet as PatientRoot,
)
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelGet as StudyRoot,
)
from retrieval import CT_IMAGE, MR_IMAGE, OTHER_STUDY, STUDY, identifier, put_study, variant

from dicom_node.node import DicomNode
from storage.archive import Archive
from storage.ingest import Sender, ingest_file
from storage.part10 import inspect_file
from storage.tables import instance


def getscu(dcmtk: Callable[..., Any], node: DicomNode, folder: Path, *arguments: object) -> Any:
    folder.mkdir(exist_ok=True)
    titles = ("-aet", "KASHI_PACS", "-aec", "FARLIGHT", "+B", "-od", folder)
    return dcmtk("getscu", "-v", *titles, *arguments, "127.0.0.1", node.port)


def test_getscu_takes_a_study_bit_by_bit(
    archive: Archive, node: DicomNode, dcmtk: Callable, tmp_path: Path
) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    put_study(archive, study=OTHER_STUDY, names=("CT_small.dcm",))
    folder = tmp_path / "got"
    ran = getscu(dcmtk, node, folder, "-S", "-k", "0008,0052=STUDY", "-k", f"0020,000D={STUDY}")
    assert ran.code == 0, ran.output
    received = {dcmread(path).SOPInstanceUID: data_set(path.read_bytes()) for path in folder.iterdir()}
    assert received == {uid: data_set(data) for uid, data in held.files.items()}


def data_set(file: bytes) -> bytes:
    return file[inspect_file(file).dataset_offset :]


def test_getscu_that_knows_no_compression_gets_the_same_pixels(
    archive: Archive, node: DicomNode, dcmtk: Callable, tmp_path: Path
) -> None:
    held = put_study(archive, names=("MR_small_RLE.dcm",), instances=1)
    folder = tmp_path / "got"
    ran = getscu(dcmtk, node, folder, "-S", "-k", "0008,0052=STUDY", "-k", f"0020,000D={STUDY}")
    assert ran.code == 0, ran.output
    (path,) = folder.iterdir()
    original = tmp_path / "original.dcm"
    original.write_bytes(held.files[held.uids[0]])
    assert dcmread(path).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(dcmread(path).pixel_array, dcmread(original).pixel_array)


def test_getscu_is_told_what_is_missing(
    archive: Archive, node: DicomNode, dcmtk: Callable, tmp_path: Path
) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    lose(archive, held.uids[0])
    folder = tmp_path / "got"
    ran = getscu(dcmtk, node, folder, "-S", "-k", "0008,0052=STUDY", "-k", f"0020,000D={STUDY}")
    assert sorted(dcmread(path).SOPInstanceUID for path in folder.iterdir()) == held.uids[1:]
    assert "0xb000" in ran.output.lower() or "Warning" in ran.output


def lose(archive: Archive, sop_instance_uid: str) -> None:
    """Its row is there, its bytes are not."""
    query = instance.select().where(instance.c.sop_instance_uid == sop_instance_uid)
    with archive.database.read() as connection:
        archive.blobs.delete(connection.execute(query).one().blob_key)


def test_an_image_whose_bytes_end_half_way_aborts_the_association(
    archive: Archive, node: DicomNode, eventually: Callable
) -> None:
    pixels = {"Rows": 2048, "Columns": 2048, "PixelData": bytes(2048 * 2048 * 2)}
    image = variant("CT_small.dcm", StudyInstanceUID=STUDY, **pixels)
    receipt = ingest_file(archive, image, Sender("KASHI", "test"))
    archive.blobs.delete(receipt.blob_key)
    archive.blobs.put(receipt.blob_key, [image[: 5 << 20]])
    came: list[str] = []
    ae = AE("KASHI_PACS")
    ae.add_requested_context(StudyRoot)
    ae.add_requested_context(CT_IMAGE, ExplicitVRLittleEndian)
    association = ae.associate(
        *("127.0.0.1", node.port),
        ae_title="FARLIGHT",
        ext_neg=[build_role(CT_IMAGE, scp_role=True)],
        evt_handlers=[(evt.EVT_PDU_RECV, lambda event: came.append(type(event.pdu).__name__))],
    )
    list(association.send_c_get(identifier("STUDY", StudyInstanceUID=STUDY), StudyRoot))
    assert eventually(lambda: came[-1] == "A_ABORT_RQ"), came


@pytest.fixture
def get(node: DicomNode) -> Callable[..., tuple[list[tuple[Dataset, Dataset | None]], list[tuple[str, str]]]]:
    """Asks as KASHI_PACS; the responses, and what came: SOP instance and transfer syntax."""

    def ask(
        wanted: Dataset,
        model: str = StudyRoot,
        *,
        classes: dict[str, list[str]] | None = None,
        as_provider: bool = True,
        answer: Callable[[str], int] = lambda _uid: 0x0000,
        cancel_after: int | None = None,
    ) -> tuple[list[tuple[Dataset, Dataset | None]], list[tuple[str, str]]]:
        came: list[tuple[str, str]] = []

        def on_store(event: evt.Event) -> int:
            came.append((str(event.request.AffectedSOPInstanceUID), str(event.context.transfer_syntax)))
            return answer(came[-1][0])

        ae = AE("KASHI_PACS")
        ae.add_requested_context(model)
        classes = classes or {CT_IMAGE: [ImplicitVRLittleEndian], MR_IMAGE: [ImplicitVRLittleEndian]}
        for sop_class, syntaxes in classes.items():
            for syntax in syntaxes:
                ae.add_requested_context(sop_class, syntax)
        roles = [build_role(sop_class, scp_role=True) for sop_class in classes] if as_provider else []
        association = ae.associate(
            "127.0.0.1",
            node.port,
            ae_title="FARLIGHT",
            ext_neg=roles,
            evt_handlers=[(evt.EVT_C_STORE, on_store)],
        )
        assert association.is_established
        responses = []
        for status, found in association.send_c_get(wanted, model, msg_id=78):
            responses.append((status, found))
            if len(responses) == cancel_after:
                association.send_c_cancel(78, query_model=model)
        association.release()
        return responses, came

    return ask


def counts(status: Dataset) -> tuple[int | None, int, int, int]:
    return (
        status.get("NumberOfRemainingSuboperations"),
        status.NumberOfCompletedSuboperations,
        status.NumberOfFailedSuboperations,
        status.NumberOfWarningSuboperations,
    )


def test_order_and_counts(archive: Archive, get: Callable) -> None:
    held = put_study(archive, instances=2)
    responses, came = get(identifier("PATIENT", PatientID="P1"), PatientRoot)
    assert [uid for uid, _ in came] == held.uids
    assert [(status.Status, counts(status)) for status, _ in responses] == [
        (0xFF00, (3, 1, 0, 0)),
        (0xFF00, (2, 2, 0, 0)),
        (0xFF00, (1, 3, 0, 0)),
        (0x0000, (None, 4, 0, 0)),
    ]


def test_nothing_found_is_success(get: Callable) -> None:
    ((status, _),), came = get(identifier("STUDY", StudyInstanceUID="1.2.3"))
    assert (status.Status, counts(status), came) == (0x0000, (None, 0, 0, 0), [])


def test_a_wrong_identifier_is_told_by_its_tag(get: Callable) -> None:
    ((status, _),), _ = get(identifier("SERIES", StudyInstanceUID=STUDY))
    assert (status.Status, status.OffendingElement) == (0xA900, 0x0020000E)


def test_a_class_without_a_context_fails_alone(archive: Archive, get: Callable) -> None:
    held = put_study(archive, instances=1)
    responses, came = get(
        identifier("STUDY", StudyInstanceUID=STUDY), classes={MR_IMAGE: [ImplicitVRLittleEndian]}
    )
    status, failed = responses[-1]
    assert [uid for uid, _ in came] == held.uids[1:]
    assert (status.Status, counts(status)) == (0xB000, (None, 1, 1, 0))
    assert failed.FailedSOPInstanceUIDList == held.uids[0]


def test_without_role_selection_nothing_can_be_sent(archive: Archive, get: Callable) -> None:
    held = put_study(archive, instances=1)
    responses, came = get(identifier("STUDY", StudyInstanceUID=STUDY), as_provider=False)
    status, failed = responses[-1]
    assert (status.Status, came) == (0xA702, [])
    assert list(failed.FailedSOPInstanceUIDList) == held.uids


def test_the_context_of_the_stored_encoding_is_used(archive: Archive, get: Callable) -> None:
    put_study(archive, instances=1, names=("MR_small_RLE.dcm", "MR_small.dcm"))
    offered = {MR_IMAGE: [ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless]}
    _, came = get(identifier("STUDY", StudyInstanceUID=STUDY), classes=offered)
    assert [syntax for _, syntax in came] == [RLELossless, ExplicitVRLittleEndian]


def test_what_the_caller_refuses_is_named(archive: Archive, get: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    responses, _ = get(
        identifier("STUDY", StudyInstanceUID=STUDY), answer=lambda uid: 0xA700 if uid == held.uids[1] else 0
    )
    status, failed = responses[-1]
    assert (status.Status, counts(status)) == (0xB000, (None, 2, 1, 0))
    assert failed.FailedSOPInstanceUIDList == held.uids[1]


def test_a_cancel_stops_it_and_the_association_stays(archive: Archive, get: Callable) -> None:
    put_study(archive, instances=40, names=("CT_small.dcm",))

    def slowly(_uid: str) -> int:
        time.sleep(0.05)
        return 0x0000

    responses, came = get(identifier("STUDY", StudyInstanceUID=STUDY), answer=slowly, cancel_after=2)
    status, _ = responses[-1]
    remaining, completed, failed, _ = counts(status)
    assert status.Status == 0xFE00
    assert remaining is not None
    assert (remaining + completed, failed) == (40, 0)
    assert len(came) == completed < 30


def test_bytes_that_end_in_the_middle_of_a_transfer_end_the_association(
    archive: Archive, node: DicomNode, get: Callable
) -> None:
    """Half an instance must not look like a whole one. The node serves on."""
    held = put_study(archive, instances=1, names=("CT_small.dcm",))
    query = instance.select().where(instance.c.sop_instance_uid == held.uids[0])
    with archive.database.read() as connection:
        row = connection.execute(query).one()
    with archive.database.write() as connection:
        longer = {"length": 3 << 20}
        connection.execute(instance.update().where(instance.c.id == row.id).values(**longer))
    whole = archive.blobs.read(row.blob_key)
    archive.blobs.delete(row.blob_key)
    archive.blobs.put(row.blob_key, [whole, bytes((5 << 19) - len(whole))])
    as_stored = {CT_IMAGE: [ExplicitVRLittleEndian]}
    responses, came = get(identifier("STUDY", StudyInstanceUID=STUDY), classes=as_stored)
    assert came == []
    assert all("Status" not in status for status, _ in responses)
    assert get(identifier("STUDY", StudyInstanceUID="1.2"))[0][-1][0].Status == 0x0000


def test_another_hospital_s_study_is_not_given(archive: Archive, get: Callable) -> None:
    put_study(archive, site="SRRSH")
    responses, came = get(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (responses[-1][0].Status, came) == (0x0000, [])


def test_more_than_a_page(archive: Archive, get: Callable) -> None:
    held = put_study(archive, instances=205, names=("CT_small.dcm",))
    _, came = get(identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.1"))
    assert [uid for uid, _ in came] == held.uids
