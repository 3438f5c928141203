"""C-MOVE: DCMTK's movescu and a scripted caller ask, DCMTK's storescp and a scripted node receive."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from pynetdicom import AE, StoragePresentationContexts
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelMove as PatientRoot,
)
from pynetdicom.sop_class import StorageServiceClass, uid_to_service_class
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelMove as StudyRoot,
)
from retrieval import (
    CT_IMAGE,
    MR_IMAGE,
    OTHER_STUDY,
    STUDY,
    identifier,
    put_study,
    receiver,
    storescp,
    variant,
)
from sqlalchemy import delete, select

from dicom_node.node import DicomNode
from storage.archive import Archive
from storage.ingest import Sender, ingest_file
from storage.part10 import inspect_file
from storage.sites import Node, put_node
from storage.tables import audit, instance

Ran = Any
PATIENT_STUDY_ONLY = "1.2.840.10008.5.1.4.1.2.3.2"


@pytest.fixture
def pacs(archive: Archive, free_port: int) -> int:
    """The port of the registered destination PACS."""
    register(archive, Node("KASHI", "PACS", "127.0.0.1", free_port))
    return free_port


def register(archive: Archive, *nodes: Node) -> None:
    with archive.database.write() as connection:
        for each in nodes:
            put_node(archive.database, connection, each)


@pytest.fixture
def move(node: DicomNode) -> Callable[..., list[tuple[Dataset, Dataset | None]]]:
    """Asks as KASHI_PACS; the responses in order: status elements and identifier."""

    def ask(
        wanted: Dataset, destination: str = "PACS", model: str = StudyRoot, cancel_after: int | None = None
    ) -> list[tuple[Dataset, Dataset | None]]:
        ae = AE("KASHI_PACS")
        ae.add_requested_context(model)
        association = ae.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
        assert association.is_established
        responses = []
        for status, found in association.send_c_move(wanted, destination, model, msg_id=77):
            responses.append((status, found))
            if len(responses) == cancel_after:
                association.send_c_cancel(77, query_model=model)
        association.release()
        return responses

    return ask


def counts(status: Dataset) -> tuple[int | None, int, int, int]:
    return (
        status.get("NumberOfRemainingSuboperations"),
        status.NumberOfCompletedSuboperations,
        status.NumberOfFailedSuboperations,
        status.NumberOfWarningSuboperations,
    )


def movescu(dcmtk: Callable[..., Ran], node: DicomNode, *arguments: object) -> Ran:
    titles = ("-aet", "KASHI_PACS", "-aec", "FARLIGHT", "-aem", "PACS")
    return dcmtk("movescu", "-v", *titles, *arguments, "127.0.0.1", node.port)


def test_movescu_brings_a_study_to_storescp_bit_by_bit(
    archive: Archive, node: DicomNode, pacs: int, dcmtk: Callable, tmp_path: Path
) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    put_study(archive, study=OTHER_STUDY, names=("CT_small.dcm",))
    with storescp(tmp_path / "pacs", pacs) as folder:
        ran = movescu(dcmtk, node, "-S", "-k", "0008,0052=STUDY", "-k", f"0020,000D={STUDY}")
    assert ran.code == 0, ran.output
    received = {dcmread(path).SOPInstanceUID: path.read_bytes() for path in folder.iterdir()}
    assert {uid: data_set(data) for uid, data in received.items()} == {
        uid: data_set(data) for uid, data in held.files.items()
    }


def data_set(file: bytes) -> bytes:
    return file[inspect_file(file).dataset_offset :]


@pytest.mark.parametrize(
    ("model", "keys", "expected"),
    [
        ("-P", {"0008,0052": "PATIENT", "0010,0020": "P1"}, 6),
        ("-P", {"0008,0052": "STUDY", "0010,0020": "P1", "0020,000D": STUDY}, 6),
        ("-P", {"0008,0052": "STUDY", "0010,0020": "P2", "0020,000D": STUDY}, 0),
        ("-S", {"0008,0052": "STUDY", "0020,000D": f"{STUDY}\\{OTHER_STUDY}"}, 8),
        ("-S", {"0008,0052": "SERIES", "0020,000D": STUDY, "0020,000E": f"{STUDY}.2"}, 3),
        ("-S", {"0008,0052": "SERIES", "0020,000D": OTHER_STUDY, "0020,000E": f"{STUDY}.2"}, 0),
        ("-S", {"0008,0052": "IMAGE", "0008,0018": f"{STUDY}.2.1\\{STUDY}.1.3"}, 2),
        ("-S", {"0008,0052": "STUDY", "0020,000D": "1.2.3.4.5"}, 0),
    ],
)
def test_every_level_and_lists_of_uids(
    model: str,
    keys: dict[str, str],
    expected: int,
    archive: Archive,
    node: DicomNode,
    pacs: int,
    dcmtk: Callable,
) -> None:
    put_study(archive)
    put_study(archive, study=OTHER_STUDY, patient="P2", instances=1)
    options = [option for key, value in keys.items() for option in ("-k", f"{key}={value}")]
    with receiver(pacs) as received:
        ran = movescu(dcmtk, node, model, *options)
    assert ran.code == 0, ran.output
    assert len(received.uids) == expected


def test_order_counts_and_where_it_comes_from(archive: Archive, pacs: int, move: Callable) -> None:
    held = put_study(archive, instances=2)
    with receiver(pacs) as received:
        responses = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert received.uids == held.uids
    assert received.associations == 1
    assert {request.MoveOriginatorApplicationEntityTitle for request in received.requests} == {"KASHI_PACS"}
    assert {request.MoveOriginatorMessageID for request in received.requests} == {77}
    assert [(status.Status, counts(status)) for status, _ in responses] == [
        (0xFF00, (3, 1, 0, 0)),
        (0xFF00, (2, 2, 0, 0)),
        (0xFF00, (1, 3, 0, 0)),
        (0x0000, (None, 4, 0, 0)),
    ]


def test_who_took_a_study_away_stands_in_the_record(archive: Archive, pacs: int, move: Callable) -> None:
    put_study(archive, instances=1)
    with receiver(pacs):
        move(identifier("STUDY", StudyInstanceUID=STUDY))
    with archive.database.read() as connection:
        (act,) = connection.execute(select(audit)).all()
    assert (act.action, act.object_type, act.object_id) == ("export-images", "study", STUDY)
    assert (act.actor, act.site, act.address) == ("KASHI_PACS", "KASHI", "127.0.0.1")
    assert act.detail == {"to": "PACS"}


def test_nothing_found_is_success(move: Callable, pacs: int) -> None:
    responses = move(identifier("STUDY", StudyInstanceUID="1.2.3"))
    assert [(status.Status, counts(status)) for status, _ in responses] == [(0x0000, (None, 0, 0, 0))]


def test_another_hospital_s_study_is_not_given(archive: Archive, move: Callable, pacs: int) -> None:
    put_study(archive, site="SRRSH")
    with receiver(pacs) as received:
        (status, _), *_ = move(identifier("PATIENT", PatientID="P1"), model=PatientRoot)
    assert (status.Status, received.uids) == (0x0000, [])


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (identifier("STUDY"), "(0020,000D)"),
        (identifier("STUDY", StudyInstanceUID="1.2.*"), "(0020,000D)"),
        (identifier("SERIES", StudyInstanceUID=STUDY), "(0020,000E)"),
        (identifier("IMAGE", StudyInstanceUID=STUDY, SOPInstanceUID=""), "(0008,0018)"),
        (identifier("PATIENT", PatientID="P1"), "(0008,0052)"),  # not in this model
        (identifier("WARD", StudyInstanceUID=STUDY), "(0008,0052)"),
        (identifier("", StudyInstanceUID=STUDY), "(0008,0052)"),
    ],
)
def test_a_wrong_identifier_is_told_by_its_tag(
    wanted: Dataset, named: str, pacs: int, move: Callable
) -> None:
    ((status, _),) = move(wanted)
    assert status.Status == 0xA900
    assert named in status.ErrorComment
    assert f"{status.OffendingElement:08X}" == named[1:-1].replace(",", "")


def test_the_retired_model_knows_patients_and_studies(archive: Archive, pacs: int, move: Callable) -> None:
    held = put_study(archive, instances=1)
    with receiver(pacs) as received:
        *_, (status, _) = move(identifier("PATIENT", PatientID="P1"), model=PATIENT_STUDY_ONLY)
        ((refused, _),) = move(identifier("SERIES", SeriesInstanceUID="1.2"), model=PATIENT_STUDY_ONLY)
    assert (status.Status, refused.Status, received.uids) == (0x0000, 0xA900, held.uids)


def test_a_patient_is_one_value(pacs: int, move: Callable) -> None:
    ((status, _),) = move(identifier("PATIENT", PatientID="P*"), model=PatientRoot)
    assert (status.Status, "(0010,0020)" in status.ErrorComment) == (0xA900, True)


@pytest.mark.parametrize("destination", ["NOBODY", "ANYWHERE", "THEIRS"])
def test_only_known_nodes_of_the_same_hospital_with_an_address_are_destinations(
    destination: str, archive: Archive, move: Callable
) -> None:
    register(archive, Node("KASHI", "ANYWHERE", "*", 104), Node("SRRSH", "THEIRS", "127.0.0.1", 104))
    put_study(archive, instances=1)
    ((status, _),) = move(identifier("STUDY", StudyInstanceUID=STUDY), destination)
    assert status.Status == 0xA801


def test_of_two_nodes_with_one_title_the_caller_s_neighbour(
    archive: Archive, pacs: int, move: Callable
) -> None:
    register(archive, Node("KASHI", "PACS", "127.0.0.3", 9), Node("KASHI", "PACS", "127.0.0.2", 9))
    held = put_study(archive, instances=1)
    with receiver(pacs) as received:
        *_, (status, _) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, received.uids) == (0x0000, held.uids)


def test_a_destination_that_is_away_fails_all(archive: Archive, pacs: int, move: Callable) -> None:
    held = put_study(archive, instances=2)
    ((status, failed),) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, counts(status)) == (0xA702, (None, 0, 4, 0))
    assert list(failed.FailedSOPInstanceUIDList) == held.uids


def test_a_refused_instance_holds_up_nothing(archive: Archive, pacs: int, move: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    refused, warned = held.uids[1], held.uids[2]
    answers = {refused: 0xA700, warned: 0xB000}
    with receiver(pacs, lambda event: answers.get(str(event.request.AffectedSOPInstanceUID), 0)) as received:
        *_, (status, failed) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert received.uids == held.uids
    assert (status.Status, counts(status)) == (0xB000, (None, 1, 1, 1))
    assert failed.FailedSOPInstanceUIDList == refused


def test_a_class_that_the_destination_does_not_know_fails_alone(
    archive: Archive, pacs: int, move: Callable
) -> None:
    held = put_study(archive, instances=1)
    with receiver(pacs, classes=[MR_IMAGE]) as received:
        *_, (status, failed) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert received.uids == held.uids[1:]
    assert (status.Status, failed.FailedSOPInstanceUIDList) == (0xB000, held.uids[0])


def test_a_destination_that_knows_none_of_the_classes_is_called_once(
    archive: Archive, pacs: int, move: Callable
) -> None:
    put_study(archive, instances=3, names=("CT_small.dcm",))
    with receiver(pacs, classes=["1.2.840.10008.1.1"]) as received:
        ((status, _),) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, counts(status)) == (0xA702, (None, 0, 3, 0))
    assert received.associations <= 1


def test_a_broken_association_is_opened_anew(archive: Archive, pacs: int, move: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    broken: list[str] = []

    def answer(event: Any) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)
        if uid == held.uids[1] and not broken:
            broken.append(uid)
            event.assoc.abort()
        return 0x0000

    with receiver(pacs, answer) as received:
        *_, (status, _) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, counts(status)) == (0x0000, (None, 3, 0, 0))
    assert received.associations == 2
    assert received.uids == [held.uids[0], held.uids[1], held.uids[1], held.uids[2]]


def test_a_destination_that_always_breaks_is_given_up(archive: Archive, pacs: int, move: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",))

    def answer(event: Any) -> int:
        event.assoc.abort()
        return 0x0000

    with receiver(pacs, answer) as received:
        *_, (status, failed) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, list(failed.FailedSOPInstanceUIDList)) == (0xA702, held.uids)
    assert received.associations == 2


@pytest.mark.parametrize(
    ("accepted", "used"),
    [
        ([RLELossless, ExplicitVRLittleEndian, ImplicitVRLittleEndian], RLELossless),
        ([ExplicitVRLittleEndian, ImplicitVRLittleEndian], ExplicitVRLittleEndian),
        ([ImplicitVRLittleEndian], ImplicitVRLittleEndian),
    ],
)
def test_the_stored_encoding_where_it_is_accepted(
    accepted: list[str], used: str, archive: Archive, pacs: int, move: Callable
) -> None:
    put_study(archive, instances=1, names=("MR_small_RLE.dcm",))
    seen: list[str] = []

    def answer(event: Any) -> int:
        seen.append(event.context.transfer_syntax)
        return 0x0000

    with receiver(pacs, answer, syntaxes=accepted):
        *_, (status, _) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, seen) == (0x0000, [used])


def test_lost_bytes_and_lost_rows_fail_alone(archive: Archive, pacs: int, move: Callable) -> None:
    held = put_study(archive, names=("CT_small.dcm",))
    with archive.database.read() as connection:
        keys = dict(connection.execute(instance.select()).columns("sop_instance_uid", "blob_key").all())
    archive.blobs.delete(keys[held.uids[0]])
    with receiver(pacs) as received:
        *_, (status, failed) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert received.uids == held.uids[1:]
    assert (status.Status, failed.FailedSOPInstanceUIDList) == (0xB000, held.uids[0])


def test_what_is_deleted_meanwhile_counts_as_failed(archive: Archive, pacs: int, move: Callable) -> None:
    put_study(archive, instances=250, names=("CT_small.dcm",))
    last = f"{STUDY}.1.250"

    def answer(event: Any) -> int:
        if event.request.AffectedSOPInstanceUID == f"{STUDY}.1.1":
            with archive.database.write() as connection:
                connection.execute(delete(instance).where(instance.c.sop_instance_uid == last))
        return 0x0000

    with receiver(pacs, answer):
        *_, (status, _) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, counts(status)) == (0xB000, (None, 249, 1, 0))


def test_a_cancel_stops_it(archive: Archive, pacs: int, move: Callable) -> None:
    put_study(archive, instances=30, names=("CT_small.dcm",))

    def answer(_event: Any) -> int:
        time.sleep(0.05)
        return 0x0000

    with receiver(pacs, answer) as received:
        *_, (status, _) = move(identifier("STUDY", StudyInstanceUID=STUDY), cancel_after=2)
    assert status.Status == 0xFE00
    remaining, completed, failed, warning = counts(status)
    assert remaining is not None
    assert (remaining + completed, failed, warning) == (30, 0, 0)
    assert 2 <= completed < 20
    assert len(received.uids) == completed


def test_more_classes_than_one_association_can_propose(archive: Archive, pacs: int, move: Callable) -> None:
    known = (str(context.abstract_syntax) for context in StoragePresentationContexts)
    classes = [uid for uid in known if uid_to_service_class(uid) is StorageServiceClass][
        :70
    ]  # two contexts for each
    for number, sop_class in enumerate(classes):
        values = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": f"{STUDY}.1", "SOPClassUID": sop_class}
        data = variant("CT_small.dcm", **values, SOPInstanceUID=f"{STUDY}.1.{number}", InstanceNumber=number)
        ingest_file(archive, data, Sender("KASHI", "test"))
    with receiver(pacs, classes=classes) as received:
        *_, (status, _) = move(identifier("STUDY", StudyInstanceUID=STUDY))
    assert (status.Status, counts(status)) == (0x0000, (None, 70, 0, 0))
    assert received.uids == [f"{STUDY}.1.{number}" for number in range(70)]
    assert received.associations == 2


def test_a_node_that_may_not_retrieve_is_refused(archive: Archive, pacs: int, node: DicomNode) -> None:
    register(archive, Node("KASHI", "SCANNER", "127.0.0.1", 104, may=("store",)))
    ae = AE("SCANNER")
    ae.add_requested_context(StudyRoot)
    ae.add_requested_context(CT_IMAGE)
    association = ae.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
    assert association.is_established
    assert [context.abstract_syntax for context in association.accepted_contexts] == [CT_IMAGE]
    association.release()
