"""What a wire has spooled, taken in: the data set must be what the wire claimed."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from keeping import file_bytes
from pydicom import dcmread
from sqlalchemy import Table, func, select

from storage.archive import Archive
from storage.errors import Invalid
from storage.ingest import (
    Claim,
    Outcome,
    Receipt,
    Sender,
    ingest_file,
    ingest_spooled,
)
from storage.part10 import inspect_file
from storage.retrieve import instances, read_file
from storage.tables import study

KASHI = Sender("KASHI", "TEST", issuer="KASHI")


def blob_keys(archive: Archive) -> list[str]:
    return [info.key for info in archive.blobs.list("KASHI/")]


def count(archive: Archive, table: Table) -> int:
    with archive.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def spooled(archive: Archive, data: bytes, claim: Claim, sender: Sender = KASHI) -> Receipt:
    """As a wire brings it: in pieces."""
    dataset = data[inspect_file(data).dataset_offset :]
    with archive.spool() as spool:
        spool.write(claim.head)
        for start in range(0, len(dataset), 5000):
            spool.write(dataset[start : start + 5000])
        return ingest_spooled(archive, spool, claim, sender)


def claim_of(data: bytes, **other: str) -> Claim:
    dataset = dcmread(BytesIO(data), stop_before_pixels=True)
    meant = {
        "sop_class_uid": str(dataset.SOPClassUID),
        "sop_instance_uid": str(dataset.SOPInstanceUID),
        "transfer_syntax_uid": str(dataset.file_meta.TransferSyntaxUID),
    }
    return Claim(**{**meant, **other})


@pytest.mark.parametrize("padding", ["", "\0", " ", "\0\0 "])
def test_a_spooled_instance_is_that_of_a_file(archive: Archive, padding: str) -> None:
    claim = claim_of(file_bytes())
    padded = replace(
        claim, sop_class_uid=claim.sop_class_uid + padding, sop_instance_uid=claim.sop_instance_uid + padding
    )
    assert spooled(archive, file_bytes(), padded).outcome is Outcome.STORED
    assert ingest_file(archive, file_bytes(), KASHI).outcome is Outcome.DUPLICATE
    with archive.database.read() as connection:
        (found,) = instances(connection)
    content = read_file(archive, found)
    assert content[: found.dataset_offset] == claim.head
    assert file_bytes().endswith(content[found.dataset_offset :])


@pytest.mark.parametrize("name", ["image_dfl.dcm", "MR_small_bigendian.dcm", "rtplan.dcm", "JPEG2000.dcm"])
def test_every_encoding_comes_by_the_wire_too(archive: Archive, name: str) -> None:
    data = file_bytes(name)
    assert spooled(archive, data, claim_of(data)).outcome is Outcome.STORED
    assert ingest_file(archive, data, KASHI).outcome is Outcome.DUPLICATE


@pytest.mark.parametrize(
    ("other", "names"),
    [
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.4"}, r"\(0008,0016\) SOPClassUID is not that"),
        ({"sop_instance_uid": "1.2.3"}, r"\(0008,0018\) SOPInstanceUID is not that of the command"),
        ({"sop_instance_uid": ""}, r"\(0008,0018\) SOPInstanceUID is not that of the command"),
        ({"sop_instance_uid": "x" * 70000}, r"\(0008,0018\) SOPInstanceUID is not that of the command"),
    ],
)
def test_what_is_claimed_must_be_what_came(archive: Archive, other: dict[str, str], names: str) -> None:
    with pytest.raises(Invalid, match=names) as told:
        spooled(archive, file_bytes(), claim_of(file_bytes(), **other))
    assert told.value.code == "SOP_CLASS_MISMATCH"
    assert (blob_keys(archive), count(archive, study)) == ([], 0)
