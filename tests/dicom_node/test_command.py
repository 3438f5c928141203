"""Command sets read and written without a `Dataset`: the same bytes and values as pydicom and pynetdicom have."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pynetdicom.dimse_messages import C_STORE_RQ, N_ACTION_RQ
from pynetdicom.dimse_primitives import C_STORE, N_ACTION
from pynetdicom.dsutils import encode as pynetdicom_encode

from dicom_node.command import as_dataset, decode, encode, number
from storage.errors import Invalid

UIDS = st.from_regex(r"[0-2]\.[1-9][0-9]{0,20}(\.[1-9][0-9]{0,8}){0,3}", fullmatch=True)
TITLES = st.from_regex(r"[A-Z0-9_]{1,16}", fullmatch=True)
SHORTS = st.integers(0, 0xFFFF)
COMMANDS = st.fixed_dictionaries(
    {"CommandField": SHORTS, "MessageID": SHORTS, "CommandDataSetType": SHORTS},
    optional={
        "AffectedSOPClassUID": UIDS,
        "AffectedSOPInstanceUID": UIDS,
        "Priority": SHORTS,
        "MoveDestination": TITLES,
        "MoveOriginatorMessageID": SHORTS,
        "Status": SHORTS,
        "NumberOfRemainingSuboperations": SHORTS,
        "ErrorComment": st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9 ,()]{0,60}[A-Za-z0-9])?", fullmatch=True),
    },
)


@given(COMMANDS)
def test_what_we_write_is_what_pydicom_reads_and_writes(command: dict) -> None:
    ours = encode(command)
    read = read_dataset(BytesIO(ours), is_implicit_VR=True, is_little_endian=True)
    assert read.CommandGroupLength == len(ours) - 12
    assert {element.keyword: element.value for element in read if element.tag.element} == command
    assert pynetdicom_encode(as_dataset(command), True, True) == ours[12:]


@given(COMMANDS)
def test_what_pydicom_writes_is_what_we_read(command: dict) -> None:
    theirs = pynetdicom_encode(as_dataset(command), True, True)
    assert theirs is not None
    assert decode(theirs) == command == decode(encode(command))


def test_a_request_as_pynetdicom_sends_it() -> None:
    request = C_STORE()
    request.MessageID, request.Priority = 7, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    request.DataSet = BytesIO(b"x")
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    encoded = pynetdicom_encode(message.command_set, True, True)
    assert encoded is not None
    assert decode(encoded) == {
        "AffectedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "CommandField": 1,
        "MessageID": 7,
        "Priority": 2,
        "CommandDataSetType": 1,
        "AffectedSOPInstanceUID": "1.2.3",
    }


def test_lists_of_tags() -> None:
    command = {"CommandField": 0x8001, "OffendingElement": [0x00100020, 0x0020000D], "Status": 0xC000}
    assert decode(encode(command)) == command
    assert decode(encode({**command, "OffendingElement": [0x00100020]}))["OffendingElement"] == 0x00100020


def test_an_action_names_its_type() -> None:
    action = N_ACTION()
    action.MessageID, action.ActionTypeID = 3, 1
    action.RequestedSOPClassUID, action.RequestedSOPInstanceUID = (
        "1.2.840.10008.1.20.1",
        "1.2.840.10008.1.20.1.1",
    )
    message = N_ACTION_RQ()
    message.primitive_to_message(action)
    encoded = pynetdicom_encode(message.command_set, True, True)
    assert encoded is not None
    assert number(decode(encoded), "ActionTypeID") == 1


BROKEN = {
    "half an element": encode({"CommandField": 1})[:-1],
    "half a head": encode({"CommandField": 1})[:6],
    "another group": b"\x08\x00\x05\x00\x00\x00\x00\x00",
    "a length beyond the end": b"\x00\x00\x00\x01\xff\xff\xff\xff\x01\x00",
    "a number of three bytes": b"\x00\x00\x00\x01\x03\x00\x00\x00\x01\x00\x00",
    "a number of none": b"\x00\x00\x00\x01\x00\x00\x00\x00",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_command_set(data: bytes) -> None:
    with pytest.raises(Invalid):
        decode(data)


@given(st.binary(max_size=200))
def test_noise_is_read_or_refused(data: bytes) -> None:
    with suppress(Invalid):
        assert isinstance(as_dataset(decode(data)), Dataset)


def test_elements_that_nobody_knows_are_passed_over() -> None:
    unknown = b"\x00\x00\x99\x99\x02\x00\x00\x00ab"
    assert decode(encode({"CommandField": 1}) + unknown) == {"CommandField": 1}
    with pytest.raises(Invalid, match=r"\(0000,0110\) MessageID"):
        number(decode(unknown), "MessageID")
