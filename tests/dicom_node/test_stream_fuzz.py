"""Broken conversations, byte by byte: the node answers in whole PDUs or hangs up, in time, and goes on.

FARLIGHT_TEST_FUZZ_SEED and FARLIGHT_TEST_FUZZ_ROUNDS say which and how many; `make soak` takes 2,000 and a new seed.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from logged import captured, our_faults
from pydicom import Dataset
from pynetdicom import AE
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_role
from retrieval import put_study
from stream_mutations import Recorder, broken, pdus, recorder
from stream_regressions import REGRESSIONS
from test_robustness import dicom_threads, open_descriptors

from dicom_node.association import encode_dataset
from dicom_node.command import encode
from dicom_node.contexts import STORAGE_COMMITMENT
from dicom_node.negotiation import Proposal, propose
from dicom_node.node import DicomNode, Limits
from storage.archive import Archive

SEED = int(os.environ.get("FARLIGHT_TEST_FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("FARLIGHT_TEST_FUZZ_ROUNDS", "75"))
AT_ONCE = 12
SECONDS = 20
MEGABYTES = 300
ANSWERS = {2, 3, 4, 6, 7}
"""PDU types that a node may send: accept, reject, data, release's answer, abort."""
STUDY_FIND, STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
WELL_KNOWN = "1.2.840.10008.1.20.1.1"
PLAIN = "1.2.840.10008.1.2"
RELEASE = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"


# -- conversations ---------------------------------------------------------------------------------


def fragment(control: int, data: bytes) -> bytes:
    item = struct.pack(">LBB", len(data) + 2, 1, control) + data
    return struct.pack(">BxL", 4, len(item)) + item


def message(command: dict[str, Any], data_set: Dataset | None) -> bytes:
    """One request on context 1, in two PDUs."""
    typed = {**command, "MessageID": 7, "CommandDataSetType": 0x0101 if data_set is None else 1}
    said = fragment(3, encode(typed))
    return said if data_set is None else said + fragment(2, encode_dataset(data_set, PLAIN))


def begun(sop_class_uid: str) -> bytes:
    return propose("KASHI_PACS", "FARLIGHT", [Proposal(sop_class_uid, (PLAIN,))])


def cancelled_move() -> bytes:
    """A C-MOVE, a C-CANCEL after it, a C-ECHO that has to wait, and the end."""
    asked = Dataset()
    asked.QueryRetrieveLevel, asked.StudyInstanceUID = "STUDY", "1.2.826.0.1.1"
    move = {"AffectedSOPClassUID": STUDY_MOVE, "CommandField": 0x21, "Priority": 0}
    move["MoveDestination"] = "KASHI_PACS"
    cancel = fragment(
        3, encode({"CommandField": 0x0FFF, "MessageIDBeingRespondedTo": 7, "CommandDataSetType": 0x0101})
    )
    return begun(STUDY_MOVE) + message(move, asked) + cancel + RELEASE


def query() -> bytes:
    """A C-FIND with a sequence, a range and hanzi."""
    asked, item = Dataset(), Dataset()
    asked.SpecificCharacterSet, asked.QueryRetrieveLevel = "GB18030", "IMAGE"
    asked.StudyDate, asked.PatientName, asked.PatientID = "19900101-20261231", "王*", None
    item.ScheduledProcedureStepID = "x"
    asked.RequestAttributesSequence, asked.SOPInstanceUID = [item], None
    find = {"AffectedSOPClassUID": STUDY_FIND, "CommandField": 0x20, "Priority": 0}
    return begun(STUDY_FIND) + message(find, asked) + RELEASE


def commitment() -> bytes:
    asked, item = Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    asked.TransactionUID, asked.ReferencedSOPSequence = "1.2.826.0.1.77", [item]
    action = {"RequestedSOPClassUID": STORAGE_COMMITMENT, "RequestedSOPInstanceUID": WELL_KNOWN}
    return begun(STORAGE_COMMITMENT) + message({**action, "CommandField": 0x130, "ActionTypeID": 1}, asked)


def echo_with_everything(port: int) -> None:
    """An association that negotiates all there is to negotiate."""
    window, identity = AsynchronousOperationsWindowNegotiation(), UserIdentityNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 5
    identity.user_identity_type, identity.primary_field, identity.secondary_field = 2, b"somebody", b"secret"
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = STUDY_FIND, b"\1\1\1\1"
    caller = AE("KASHI_PACS")
    for uid in ("1.2.840.10008.1.1", STUDY_FIND, "1.2.840.10008.5.1.4.1.1.2"):
        caller.add_requested_context(uid)
    role = build_role("1.2.840.10008.5.1.4.1.1.2", scu_role=True, scp_role=True)
    association = caller.associate(
        "127.0.0.1", port, ae_title="FARLIGHT", ext_neg=[window, identity, extended, role]
    )
    assert association.send_c_echo().Status == 0
    association.release()


@pytest.fixture
def conversations(
    start_node: Callable[..., DicomNode],
    archive: Archive,
    dcmtk: Callable[..., Any],
    ct: Path,
    tmp_path: Path,
) -> list[bytes]:
    """What DCMTK's tools, pynetdicom and a few lines of our own say to a node."""
    put_study(archive)
    node = start_node(Limits(request_timeout_s=5, idle_timeout_s=10, pdu_timeout_s=5))
    taken = tmp_path / "taken"
    taken.mkdir()
    study = ("-k", "StudyInstanceUID=1.2.826.0.1.1")
    with recorder(node.port) as recording:
        _record_tools(recording, dcmtk, ct, ("-S", "-k", "QueryRetrieveLevel=STUDY", *study), taken)
        echo_with_everything(recording.port)
        deadline = time.monotonic() + 10
        while len(recording.conversations) < 8 and time.monotonic() < deadline:
            time.sleep(0.02)
    node.stop(timeout_s=3)
    assert len(recording.conversations) == 8
    assert len(list(taken.iterdir())) == 6, "the C-GET was a real one"
    return [*recording.conversations, cancelled_move(), query(), commitment(), commitment() + RELEASE]


def _record_tools(
    recording: Recorder, dcmtk: Callable[..., Any], ct: Path, study: tuple[str, ...], taken: Path
) -> None:
    titles, end = ("-aet", "KASHI_PACS", "-aec", "FARLIGHT"), ("127.0.0.1", recording.port)
    for tool, *arguments in (
        ("echoscu", *end),
        ("storescu", *end, ct),
        ("storescu", "-xs", "-R", *end, ct),
        ("findscu", *study, "-k", "PatientName", "-k", "ModalitiesInStudy=CT\\MR", *end),
        ("findscu", "--cancel", "1", "-P", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID", *end),
        ("getscu", "-od", taken, *study, *end),
        ("movescu", "-aem", "KASHI_PACS", *study, *end),
    ):
        dcmtk(tool, *titles, *arguments)


# -- the fuzzing -----------------------------------------------------------------------------------


def say(port: int, stream: bytes, rng: Random) -> bytes:
    """Say it, whole or in pieces, and listen until the node hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as line:
        with suppress(OSError):  # the node may hang up before all is said
            for piece in _pieces(stream, rng):
                line.sendall(piece)
            if rng.random() < 0.8:
                line.shutdown(socket.SHUT_WR)
        return _listen(line)


def _pieces(stream: bytes, rng: Random) -> Iterator[bytes]:
    manner = rng.choice(("whole", "whole", "whole", "pieces", "dribble"))
    if manner == "whole":
        yield stream
        return
    position = 0
    while position < len(stream):
        size = rng.choice((1, 3, 700)) if position < 200 else 20_000
        yield stream[position : position + size]
        position += size
        if manner == "dribble" and rng.random() < 0.3:
            time.sleep(0.03)


def _listen(line: socket.socket) -> bytes:
    heard = bytearray()
    with suppress(ConnectionResetError):
        while piece := line.recv(1 << 16):
            heard += piece
    return bytes(heard)


def answered(port: int, stream: bytes, rng: Random) -> tuple[str, str]:
    """How the node took it, and what was wrong with that."""
    began = time.monotonic()
    try:
        heard = say(port, stream, rng)
        said = pdus(heard)
    except (TimeoutError, AssertionError) as why:
        return "hung", f"{type(why).__name__} {why}"
    if time.monotonic() - began > SECONDS:
        return "slow", "it took too long"
    kinds = [pdu[0] for pdu in said]
    if not set(kinds) <= ANSWERS:
        return "unknown", f"PDUs of the types {kinds}"
    names = {2: "closed", 3: "rejected", 4: "closed", 6: "released", 7: "aborted"}
    return (names[kinds[-1]] if kinds else "closed"), ""


def echo_works(node: DicomNode) -> bool:
    caller = AE("KASHI_PACS")
    caller.add_requested_context("1.2.840.10008.1.1")
    association = caller.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
    works = association.is_established and association.send_c_echo().Status == 0
    association.release()
    return works


def resident_mib(name: str) -> float:
    """Of this process: VmRSS is what it has, VmHWM the most it ever had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


@pytest.fixture
def hardened(
    start_node: Callable[..., DicomNode], archive: Archive, eventually: Callable[..., bool]
) -> Iterator[DicomNode]:
    """After the test the node is well, nothing is left over, and nothing that was logged is a fault of ours."""
    limits = Limits(request_timeout_s=1, idle_timeout_s=2, pdu_timeout_s=2)
    node = start_node(limits)
    assert echo_works(node)
    before = open_descriptors()
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    memory = resident_mib("VmRSS")
    with captured() as logged:
        yield node
        assert echo_works(node)
        assert eventually(lambda: not dicom_threads(), 15), dicom_threads()
    faults = our_faults(logged)
    assert not faults, "\n".join(faults[:5])
    assert resident_mib("VmHWM") - memory < MEGABYTES
    archive.database.close()  # its connections are kept on purpose
    assert eventually(lambda: open_descriptors() <= before + 1), "descriptors leak"


def test_the_recorded_conversations_are_good(conversations: list[bytes], hardened: DicomNode) -> None:
    heard = [say(hardened.port, stream, Random(0)) for stream in conversations]
    assert all(pdus(each)[0][0] == 2 for each in heard), "each was let in"
    assert sum(pdus(each)[-1][0] == 6 for each in heard) >= 5, "nobody hung up on those who end in order"


def test_broken_conversations(conversations: list[bytes], hardened: DicomNode) -> None:
    def one(number: int) -> tuple[int, str, str]:
        rng = Random(f"{SEED}-{number}")
        return (number, *answered(hardened.port, broken(rng, conversations), rng))

    outcomes, faults = Counter[str](), []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, outcome, wrong in pool.map(one, range(ROUNDS)):
            outcomes[outcome] += 1
            if wrong:
                faults.append(f"seed {SEED}-{number}: {outcome}, {wrong}")
            if number % 100 == 0:
                assert echo_works(hardened), f"after {SEED}-{number}"
    sys.stdout.write(f"seed {SEED}, {ROUNDS} conversations: {dict(outcomes)}\n")
    assert not faults, "\n".join(faults)
    assert {"released", "aborted", "closed"} <= set(outcomes)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_was_wrong_once(hardened: DicomNode, name: str) -> None:
    outcome, wrong = answered(hardened.port, REGRESSIONS[name], Random(0))
    assert not wrong
    assert outcome == "aborted"
