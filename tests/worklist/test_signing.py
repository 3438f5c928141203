"""A signature that does not happen leaves no documents behind, not even unseen ones."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from reading_world import CONTENT, World

from storage.errors import Conflict
from storage.ingest import Sender, ingest_file
from storage.retrieve import StoredInstance, instances
from storage.tables import instance
from worklist.commands import Order
from worklist.reports.drafts import save_draft
from worklist.reports.signing import Signature, sign
from worklist.transitions import Command, State


def test_documents_of_a_signature_that_came_too_late_are_dropped(asked: World) -> None:
    """Images come while the PDF is typeset: nothing is signed, and an index made again finds no report."""
    claimed = asked.give("reader", Command.CLAIM)
    asked.put(State.READING, sign_policy="SINGLE")
    version = save(asked, claimed.claim_token or "")
    order = Order(Command.SIGN, claimed.claim_token or "")
    drawn: list[str] = []

    def picture_of(image: StoredInstance, _frame: int, _window: list[float] | None) -> None:
        drawn.append(image.sop_instance_uid)
        if len(drawn) == 1:
            receive_one_more(asked)

    signature = Signature(order, version, "a-password-for-tests")
    with pytest.raises(Conflict) as refused:
        sign(asked.archive, asked.person("reader"), claimed.id, signature, picture_of)
    assert refused.value.code == "EVIDENCE_CHANGED"
    assert drawn
    assert list(asked.archive.blobs.list("KASHI/report/")) == []


def save(world: World, token: str) -> int:
    with world.archive.database.read() as connection:
        (image,) = instances(connection, instance.c.site == "KASHI")
    picture = {
        "series_instance_uid": image.series_instance_uid,
        "sop_instance_uid": image.sop_instance_uid,
        "frame_number": 1,
        "window": None,
        "caption": "",
    }
    with world.archive.database.write() as connection:
        content = {**CONTENT, "key_images": [picture]}
        found = world.only_request()
        return save_draft(connection, world.person("reader"), found, token, 0, content).version


def receive_one_more(world: World) -> None:
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    out = BytesIO()
    image.save_as(out)
    ingest_file(world.archive, out.getvalue(), Sender("KASHI", "TEST"))
