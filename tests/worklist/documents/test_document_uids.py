from __future__ import annotations

from itertools import product

from worklist.reports.documents.uids import document_series_uid, document_uid


def test_retry_is_the_same_object() -> None:
    assert document_uid("r1", 1, "sr") == document_uid("r1", 1, "sr")
    # Written down: a change of the rule would send every old report a second time.
    assert document_uid("r1", 1, "sr") == "2.25.186654551749214829934839857518472116263"


def test_report_version_and_format_tell_objects_apart() -> None:
    uids = {document_uid(*parts) for parts in product(("r1", "r11", "r"), (1, 11, 2), ("sr", "pdf"))}
    uids |= {document_series_uid(*parts) for parts in product(("r1", "r11", "r"), ("sr", "pdf"))}
    assert len(uids) == 24
    for uid in uids:
        assert uid.is_valid
        assert uid.startswith("2.25.")
