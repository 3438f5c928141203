"""C-FIND through the wire: DCMTK's findscu, and pynetdicom where the answers are looked at closely (PS3.4 C.4.1)."""

from __future__ import annotations

import io
import shutil
import subprocess

import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from dicom_node import find as find_service
from dicom_node.association import decode_dataset
from dicom_node.find import find
from dicom_node.find_keys import MAX_KEYS, read_keys
from dicom_node.node import DicomNode, NodeConfig
from dicom_node.peers import Caller
from dicom_node.services import Context, Request
from storage.errors import Invalid
from storage.ingest import Sender, ingest_file
from storage.query import Match
from storage.sites import Node, Site, put_node, put_site

PATIENT_ROOT = PatientRootQueryRetrieveInformationModelFind
STUDY_ROOT = StudyRootQueryRetrieveInformationModelFind
PATIENT_STUDY_ONLY = PatientStudyOnlyQueryRetrieveInformationModelFind
SR = "1.2.840.10008.5.1.4.1.1.88.11"
KASHI = Node("KASHI", "KASHI_PACS", "127.0.0.1", 11113, charset="GB18030")
WANG = {"PatientName": "Wang^XiaoDong=王^小东", "PatientID": "1001", "PatientSex": "M"}


def two_hospitals(database):
    """KASHI asks; HOTAN has a patient of the same number."""
    with database.write() as connection:
        for code in ("KASHI", "HOTAN"):
            put_site(database, connection, Site(code, code, code, "county", "Asia/Urumqi"))
        put_node(database, connection, KASHI)


def item(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def keep(archive, study, series, instance, *, site="KASHI", private="", **attributes):
    """Take in an instance without pixels; UIDs are ``2.25.{study}.{series}.{instance}`` and their beginnings."""
    dataset = item(SpecificCharacterSet="ISO_IR 192", SOPClassUID=CTImageStorage, Modality="CT")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"2.25.{study}", f"2.25.{study}.{series}"
    dataset.SOPInstanceUID = f"2.25.{study}.{series}.{instance}"
    dataset.SeriesNumber, dataset.InstanceNumber = series, instance
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    if private:
        dataset.private_block(0x0009, "ACME", create=True).add_new(0x01, "LO", private)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    ingest_file(archive, out.getvalue(), Sender(site, "TEST"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory, pair):
    with pair.place(tmp_path_factory.mktemp("find"), two_hospitals) as place:
        opened = place.open()
        first = {
            **WANG,
            "StudyDate": "20240110",
            "StudyTime": "101500",
            "AccessionNumber": "A1",
            "ProcedureCodeSequence": [item(CodeValue="P1", CodingSchemeDesignator="99X", CodeMeaning="胸部")],
        }
        asked = [item(ScheduledProcedureStepID="SPS1", RequestedProcedureID="RP1")]
        keep(opened, 1, 1, 1, **first, RequestAttributesSequence=asked, KVP="120", private="hidden")
        keep(opened, 1, 1, 2, **first, RequestAttributesSequence=asked, KVP="80")
        keep(opened, 1, 2, 1, **first, Modality="SR", SOPClassUID=SR)
        second = {"PatientName": "Zhang^Wei", "PatientID": "1_01", "AccessionNumber": "A2"}
        keep(opened, 2, 1, 1, **second, Modality="MR", StudyDate="20240111", StudyTime="0900")
        keep(opened, 3, 1, 1, **WANG, Modality="DX", StudyDate="20240112", StudyTime="2300")
        keep(opened, 9, 1, 1, site="HOTAN", **WANG, StudyDate="20240110")
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def port(archive):
    node = DicomNode(NodeConfig(archive, port=0, host="127.0.0.1"))
    node.start()
    yield node.port
    node.stop(timeout_s=3)


@pytest.fixture
def ask(port):
    """Asks as KASHI's PACS; gives the identifiers of the pending responses and all status data sets."""

    def asking(level, *, model=STUDY_ROOT, extended=b"", keys=None, **values):
        identifier = keys or Dataset()
        if level is not None:
            identifier.QueryRetrieveLevel = level
        for keyword, value in values.items():
            setattr(identifier, keyword, value)
        caller = AE("KASHI_PACS")
        caller.add_requested_context(model, ExplicitVRLittleEndian)
        extra = []
        if extended:
            extra.append(SOPClassExtendedNegotiation())
            extra[0].sop_class_uid, extra[0].service_class_application_information = model, extended
        association = caller.associate("127.0.0.1", port, ae_title="FARLIGHT", ext_neg=extra)
        assert association.is_established
        answers = list(association.send_c_find(identifier, model))
        association.release()
        return [found for _, found in answers if found is not None], [status for status, _ in answers]

    return asking


def studies(answers):
    return "".join(sorted(found.StudyInstanceUID.rpartition(".")[2] for found in answers))


# -- who is answered what --------------------------------------------------------------------------


def test_a_hospital_finds_its_own_studies_the_newest_first(ask):
    found, statuses = ask("STUDY", PatientID="", StudyInstanceUID="")
    assert [one.StudyInstanceUID for one in found] == ["2.25.3", "2.25.2", "2.25.1"]
    assert [status.Status for status in statuses] == [0xFF00] * 3 + [0x0000]
    assert not ask("STUDY", StudyInstanceUID="2.25.9")[0]


def test_an_answer_holds_what_was_asked_and_what_only_answers_say(ask):
    (found,), _ = ask(
        "STUDY",
        AccessionNumber="A1",
        PatientName="",
        StudyDate="",
        StudyDescription="",
        ModalitiesInStudy="",
        SOPClassesInStudy="",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
    )
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.PatientName == WANG["PatientName"]
    assert (found.QueryRetrieveLevel, found.RetrieveAETitle) == ("STUDY", "FARLIGHT")
    assert found.InstanceAvailability == "ONLINE"
    assert found.ModalitiesInStudy == ["CT", "SR"]
    assert found.SOPClassesInStudy == [CTImageStorage, SR]
    assert (found.NumberOfStudyRelatedSeries, found.NumberOfStudyRelatedInstances) == (2, 3)
    assert found["StudyDescription"].is_empty
    assert found.StudyInstanceUID == "2.25.1"
    assert "PatientBirthDate" not in found


def test_an_answer_in_ascii_names_no_character_set(ask):
    (found,), _ = ask("STUDY", AccessionNumber="A2", PatientName="")
    assert "SpecificCharacterSet" not in found


def test_patients(ask):
    keys = dict.fromkeys(
        (
            "PatientName",
            "PatientSex",
            "NumberOfPatientRelatedStudies",
            "NumberOfPatientRelatedSeries",
            "NumberOfPatientRelatedInstances",
        ),
        "",
    )
    found, _ = ask("PATIENT", model=PATIENT_ROOT, PatientID="1001", **keys)
    (one,) = found
    assert (one.PatientID, one.PatientName, one.PatientSex) == ("1001", WANG["PatientName"], "M")
    assert one.NumberOfPatientRelatedStudies == 2
    assert one.NumberOfPatientRelatedSeries == 3
    assert one.NumberOfPatientRelatedInstances == 4
    everybody, _ = ask("PATIENT", model=PATIENT_ROOT, PatientID="")
    assert {one.PatientID for one in everybody} == {"1001", "1_01"}
    by_study, _ = ask("PATIENT", model=PATIENT_STUDY_ONLY, PatientID="", AccessionNumber="A2")
    assert [one.PatientID for one in by_study] == ["1_01"]
    assert "NumberOfPatientRelatedStudies" in ask("STUDY", NumberOfPatientRelatedStudies="")[0][0]


def test_series_and_images(ask):
    found, _ = ask(
        "SERIES",
        StudyInstanceUID="2.25.1",
        SeriesInstanceUID="",
        Modality="",
        NumberOfSeriesRelatedInstances="",
    )
    assert [(one.Modality, one.NumberOfSeriesRelatedInstances) for one in found] == [("CT", 2), ("SR", 1)]
    found, _ = ask(
        "IMAGE", SeriesInstanceUID="2.25.1.1", SOPInstanceUID="", InstanceNumber="", SOPClassUID=""
    )
    assert [(one.SOPInstanceUID, one.InstanceNumber) for one in found] == [
        ("2.25.1.1.1", 1),
        ("2.25.1.1.2", 2),
    ]
    found, statuses = ask("IMAGE", SOPInstanceUID="2.25.1.1.1", KVP="", PatientName="")
    assert (found[0].KVP, found[0].PatientName) == (120, WANG["PatientName"])
    assert statuses[0].Status == 0xFF00


def test_private_attributes_are_returned_where_they_are_held(ask):
    keys = Dataset()
    keys.SOPInstanceUID = "2.25.1.1.1"
    keys.add_new(0x00090011, "LO", "ACME")  # another block than the sender's
    keys.add_new(0x00091101, "LO", "")
    (found,), _ = ask("IMAGE", keys=keys)
    assert (found[0x00090011].value, found[0x00091101].value) == ("ACME", "hidden")
    keys.SOPInstanceUID = ""
    keys[0x00091101].value = "hid*"
    found, _ = ask("IMAGE", keys=keys)
    assert [one.SOPInstanceUID for one in found] == ["2.25.1.1.1"]


def test_what_is_not_supported_is_returned_empty_with_a_warning(ask):
    found, statuses = ask("STUDY", AccessionNumber="A1", ContrastBolusAgent="", Modality="")
    assert found[0]["ContrastBolusAgent"].is_empty
    assert [status.Status for status in statuses] == [0xFF01, 0x0000]


# -- matching --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"PatientID": "1001"}, "13"),
        ({"PatientID": "1_01"}, "2"),
        ({"PatientID": "1?01"}, "123"),
        ({"PatientID": "10*"}, "13"),
        ({"PatientName": "WANG*"}, "13"),
        ({"PatientName": "wang^xiaodong"}, "13"),
        ({"PatientName": "王*"}, "13"),
        ({"PatientName": "*WEI"}, "2"),
        ({"PatientName": "wxd"}, ""),
        ({"StudyDate": "20240111-"}, "23"),
        ({"StudyDate": "20240110-20240111"}, "12"),
        ({"StudyTime": "1000-"}, "13"),
        ({"StudyInstanceUID": ["2.25.1", "2.25.2", "2.25.9"]}, "12"),
        ({"ModalitiesInStudy": ["MR", "DX"]}, "23"),
        ({"Modality": "SR"}, "1"),
        ({"SOPClassesInStudy": SR}, "1"),
        ({"AccessionNumber": '""'}, "3"),
        ({"AccessionNumber": ['""', "A1"]}, "13"),
        ({"TimezoneOffsetFromUTC": "+0800", "PatientID": "1001"}, "13"),
        ({"StudyDate": "20240110-20240112", "StudyTime": "1000-1100"}, "1"),
        ({"PatientID": "*", "PatientName": "*"}, "123"),
    ],
)
def test_matching(ask, keys, expected):
    found, statuses = ask("STUDY", SpecificCharacterSet="ISO_IR 192", **keys)
    assert studies(found) == expected
    assert statuses[-1].Status == 0x0000


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("GB18030", "王*"),
        ("ISO_IR 192", "王^小东"),
        ("ISO_IR 100", "王*".encode("gb18030").decode("latin-1")),  # a lie that devices tell
    ],
)
def test_a_name_is_read_in_the_set_that_the_query_is_written_in(ask, charset, name):
    found, _ = ask("STUDY", SpecificCharacterSet=charset, PatientName=name)
    assert studies(found) == "13"
    assert found[0].PatientName.ideographic == "王^小东"


def test_code_extensions_in_a_query_are_read():
    name = b"=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1*"
    data = b"\x08\x00\x05\x00CS\x10\x00\\ISO 2022 IR 58 \x08\x00R\x00CS\x06\x00STUDY "
    data += b"\x10\x00\x10\x00PN" + len(name).to_bytes(2, "little") + name
    keys = read_keys(STUDY_ROOT, decode_dataset(data, ExplicitVRLittleEndian), "")
    assert keys.matches == (Match("PatientName", ("=王^小*",)),)


def test_sequences_are_matched_and_returned(ask):
    def series(**keys):
        return ask("SERIES", SeriesInstanceUID="", RequestAttributesSequence=[item(**keys)])[0]

    (found,) = series(ScheduledProcedureStepID="SPS*", RequestedProcedureID="RP1")
    assert found.SeriesInstanceUID == "2.25.1.1"
    assert found.RequestAttributesSequence[0].ScheduledProcedureStepID == "SPS1"
    assert not series(ScheduledProcedureStepID="SPS1", RequestedProcedureID="RP2")
    assert len(series(ScheduledProcedureStepID="")) == 4
    found, _ = ask("STUDY", ProcedureCodeSequence=[item(CodeValue="P1", CodeMeaning="")])
    assert studies(found) == "1"
    assert found[0].ProcedureCodeSequence[0].CodeMeaning == "胸部"


def test_what_only_headers_hold_is_matched_at_image_level(ask):
    found, statuses = ask("IMAGE", SOPInstanceUID="", KVP="80")
    assert [one.SOPInstanceUID for one in found] == ["2.25.1.1.2"]
    assert statuses[-1].Status == 0x0000


def test_dates_and_times_are_one_range_where_that_was_negotiated(ask):
    keys = {"StudyDate": "20240110-20240112", "StudyTime": "1000-1100"}
    assert studies(ask("STUDY", **keys)[0]) == "1"
    assert studies(ask("STUDY", extended=b"\1\1\0", **keys)[0]) == "12"


def test_names_are_matched_fuzzily_where_that_was_negotiated(ask):
    assert studies(ask("STUDY", extended=b"\1\0\1", PatientName="wxd")[0]) == "13"


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "model", "keys", "tag"),
    [
        (None, STUDY_ROOT, {}, 0x00080052),
        ("", STUDY_ROOT, {}, 0x00080052),
        ("PLANET", STUDY_ROOT, {}, 0x00080052),
        ("PATIENT", STUDY_ROOT, {}, 0x00080052),
        ("SERIES", PATIENT_STUDY_ONLY, {}, 0x00080052),
        ("STUDY", STUDY_ROOT, {"StudyDate": "20241399"}, 0x00080020),
        ("STUDY", STUDY_ROOT, {"StudyInstanceUID": "2.25.*"}, 0x0020000D),
    ],
)
def test_a_wrong_identifier_is_refused_by_the_attributes_name(ask, level, model, keys, tag):
    found, (status,) = ask(level, model=model, **{"PatientID": "", **keys})
    assert not found
    assert status.Status == 0xA900
    assert status.OffendingElement == tag


def test_group_lengths_are_no_keys():
    identifier = item(QueryRetrieveLevel="STUDY", PatientID="1")
    identifier.add_new(0x00080000, "UL", 16)
    keys = read_keys(STUDY_ROOT, identifier, "")
    assert set(keys.wanted) == {"00100020"}


def test_keys_are_bounded():
    identifier = item(QueryRetrieveLevel="STUDY")
    for number in range(MAX_KEYS + 1):
        identifier.add_new(0x00111000 + number, "LO", "")
    with pytest.raises(Invalid, match="more than"):
        read_keys(STUDY_ROOT, identifier, "")
    with pytest.raises(Invalid, match="no identifier"):
        read_keys(STUDY_ROOT, None, "")


# -- ends ------------------------------------------------------------------------------------------


def request(archive, identifier, cancelled=lambda: False):
    caller = Caller("KASHI_PACS", "FARLIGHT", "127.0.0.1")
    context = Context(1, STUDY_ROOT, ExplicitVRLittleEndian)
    return Request(archive, "FARLIGHT", KASHI, caller, context, Dataset(), identifier, None, cancelled)


def test_a_cancelled_query_ends_between_two_answers(archive):
    asked = iter((False, True))
    identifier = item(QueryRetrieveLevel="STUDY", PatientID="")
    statuses = [one.status for one in find(request(archive, identifier, lambda: next(asked)))]
    assert statuses == [0xFF00, 0xFE00]


@pytest.mark.parametrize(("most", "last"), [(3, 0x0000), (2, 0xA700)])
def test_more_answers_than_are_given_are_told_in_the_final_status(archive, monkeypatch, most, last):
    monkeypatch.setattr(find_service, "MAX_ANSWERS", most)
    identifier = item(QueryRetrieveLevel="STUDY", PatientID="")
    answers = list(find(request(archive, identifier)))
    assert [one.status for one in answers] == [0xFF00] * most + [last]


def test_rows_that_were_not_looked_through_are_told_in_the_final_status(archive, monkeypatch):
    monkeypatch.setattr(find_service, "MAX_LOOKED_THROUGH", 1)
    identifier = item(QueryRetrieveLevel="STUDY", ProcedureCodeSequence=[item(CodeValue="P1")])
    assert [one.status for one in find(request(archive, identifier))] == [0xA700]


# -- DCMTK -----------------------------------------------------------------------------------------


def findscu(port, *arguments):
    command = [shutil.which("findscu"), "-v", "-aet", "KASHI_PACS", "-aec", "FARLIGHT", *arguments]
    done = subprocess.run([*command, "127.0.0.1", str(port)], capture_output=True, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=WANG*", "-k", "StudyInstanceUID"), 2),
        (("-P", "-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=1001"), 1),
        (("-O", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyDate=20240111-"), 2),
        (("-S", "-xi", "-k", "QueryRetrieveLevel=SERIES", "-k", "StudyInstanceUID=2.25.1"), 2),
        (("-S", "-xb", "-k", "QueryRetrieveLevel=IMAGE", "-k", "SeriesInstanceUID=2.25.1.1"), 2),
        (("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "(0040,0275)[0].0040,0009=SPS1"), 3),
        (("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=nobody"), 0),
    ],
)
def test_findscu(port, arguments, expected):
    code, output = findscu(port, *arguments)
    assert code == 0, output
    assert output.count("Find Response:") == expected, output
    assert "Received Final Find Response (Success)" in output


def test_findscu_cancels(port):
    code, output = findscu(port, "-S", "--cancel", "1", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID")
    assert code == 0, output
    assert "Received Final Find Response" in output
