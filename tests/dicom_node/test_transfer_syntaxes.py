"""Every encoding arrives as it was sent: what is stored is the source's data set, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, _config
from pynetdicom.presentation import AllStoragePresentationContexts, build_context

from dicom_node.contexts import LOSSLESS, accept_contexts, choose_transfer_syntax, is_storage
from dicom_node.node import DicomNode
from storage.part10 import file_header

IMPLICIT, EXPLICIT, BIG, DEFLATED = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
)
J2K_LOSSLESS, JPEG_BASELINE, PRIVATE = (
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.113619.5.2",
)
CT = "1.2.840.10008.5.1.4.1.1.2"

DCMTK_PROPOSES = [
    ("-xe", "CT_small.dcm", EXPLICIT),
    ("-x=", "CT_small.dcm", EXPLICIT),
    ("-xi", "MR_small_implicit.dcm", IMPLICIT),
    ("-xb", "MR_small_bigendian.dcm", BIG),
    ("-xd", "image_dfl.dcm", DEFLATED),
    ("-xs", "JPEG-LL.dcm", "1.2.840.10008.1.2.4.70"),
    ("-xy", "SC_rgb_small_odd_jpeg.dcm", JPEG_BASELINE),
    ("-xx", "JPGExtended.dcm", "1.2.840.10008.1.2.4.51"),
    ("-xv", "MR_small_jp2klossless.dcm", J2K_LOSSLESS),
    ("-xw", "JPEG2000.dcm", "1.2.840.10008.1.2.4.91"),
    ("-xt", "MR_small_jpeg_ls_lossless.dcm", "1.2.840.10008.1.2.4.80"),
    ("-xr", "MR_small_RLE.dcm", "1.2.840.10008.1.2.5"),
]
RELABELLED = [  # DCMTK has no such files; it sends what the label says
    ("-xu", "1.2.840.10008.1.2.4.81"),
    ("-xm", "1.2.840.10008.1.2.4.100"),
    ("-xh", "1.2.840.10008.1.2.4.101"),
    ("-xn", "1.2.840.10008.1.2.4.102"),
    ("-xl", "1.2.840.10008.1.2.4.103"),
    ("-x2", "1.2.840.10008.1.2.4.104"),
    ("-x3", "1.2.840.10008.1.2.4.105"),
    ("-xo", "1.2.840.10008.1.2.4.106"),
    ("-x4", "1.2.840.10008.1.2.4.107"),
    ("-x5", "1.2.840.10008.1.2.4.108"),
]


@pytest.mark.parametrize(("option", "name", "syntax"), DCMTK_PROPOSES)
def test_what_dcmtk_proposes_is_kept_as_sent(
    storescu: Callable,
    canonical: Callable,
    held: Callable,
    dataset_of: Callable,
    option: str,
    name: str,
    syntax: str,
) -> None:
    source: Path = canonical(name)
    assert dcmread(source).file_meta.TransferSyntaxUID == syntax
    require_kept(storescu(option, source), source, syntax, held, dataset_of)


@pytest.mark.parametrize(("option", "syntax"), RELABELLED)
def test_encodings_that_only_a_label_can_stand_for(
    storescu: Callable,
    canonical: Callable,
    variant: Callable,
    held: Callable,
    dataset_of: Callable,
    option: str,
    syntax: str,
) -> None:
    source: Path = canonical("MR_small_jpeg_ls_lossless.dcm")
    dataset = dcmread(source)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(source)
    require_kept(storescu(option, source), source, syntax, held, dataset_of)


def require_kept(ran: Any, source: Path, syntax: str, held: Callable, dataset_of: Callable) -> None:
    assert "Received Store Response (Success)" in ran.output, ran.output
    (stored,) = held()
    assert stored.transfer_syntax_uid == syntax
    sent = dataset_of(source)
    # DCMTK sends an odd number of deflated bytes with one more (PS3.5 A.5)
    assert dataset_of(stored) in ((sent, sent + b"\0") if syntax == DEFLATED else (sent,))


@pytest.mark.parametrize(
    "syntax",
    [
        *(
            "1.2.840.10008.1.2.1.98",
            "1.2.840.10008.1.2.4.92",
            "1.2.840.10008.1.2.4.201",
            "1.2.840.10008.1.2.4.202",
        ),
        *(
            "1.2.840.10008.1.2.4.203",
            "1.2.840.10008.1.2.4.110",
            "1.2.840.10008.1.2.4.112",
            "1.2.840.10008.1.2.7.1",
        ),
        *("1.2.840.10008.1.2.4.77777", "1.3.6.1.4.1.99999.7"),
    ],
)
def test_encodings_that_dcmtk_does_not_know(
    node: DicomNode,
    canonical: Callable,
    held: Callable,
    dataset_of: Callable,
    syntax: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)
    source: Path = canonical("MR_small_jpeg_ls_lossless.dcm")
    dataset = dcmread(source)
    source.write_bytes(file_header(dataset.SOPClassUID, dataset.SOPInstanceUID, syntax) + dataset_of(source))
    entity = AE("KASHI_PACS")
    entity.add_requested_context(dataset.SOPClassUID, syntax)
    association = entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
    assert association.send_c_store(source).Status == 0x0000
    association.release()
    association.join(5)
    (stored,) = held()
    assert (stored.transfer_syntax_uid, dataset_of(stored)) == (syntax, dataset_of(source))


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ([EXPLICIT], EXPLICIT),
        ([IMPLICIT, EXPLICIT], IMPLICIT),
        ([BIG, EXPLICIT, IMPLICIT], BIG),
        ([J2K_LOSSLESS, EXPLICIT, IMPLICIT], J2K_LOSSLESS),
        ([EXPLICIT, J2K_LOSSLESS], EXPLICIT),
        ([JPEG_BASELINE, IMPLICIT], IMPLICIT),
        ([JPEG_BASELINE], JPEG_BASELINE),
        ([PRIVATE, JPEG_BASELINE], JPEG_BASELINE),
        ([PRIVATE, IMPLICIT], IMPLICIT),
        ([PRIVATE], PRIVATE),
    ],
)
def test_the_senders_order_decides_but_loss_never_beats_no_loss(
    node: DicomNode, proposed: list[str], chosen: str
) -> None:
    entity = AE("KASHI_PACS")
    entity.add_requested_context(CT, proposed)
    association = entity.associate("127.0.0.1", node.port, ae_title="FARLIGHT")
    (accepted,) = association.accepted_contexts
    assert accepted.transfer_syntax == [chosen]
    association.release()
    association.join(5)


def test_one_class_proposed_many_times_gets_an_answer_for_each(node: DicomNode) -> None:
    proposals = [[JPEG_BASELINE, IMPLICIT], [JPEG_BASELINE], [BIG, EXPLICIT], [EXPLICIT, BIG]]
    entity = AE("KASHI_PACS")
    contexts = [build_context(CT, proposal) for proposal in proposals]
    association = entity.associate("127.0.0.1", node.port, contexts=contexts, ae_title="FARLIGHT")
    accepted = [context.transfer_syntax[0] for context in association.accepted_contexts]
    assert accepted == [IMPLICIT, JPEG_BASELINE, BIG, EXPLICIT]
    association.release()
    association.join(5)


def test_every_storage_class_that_pynetdicom_knows_is_storage() -> None:
    refused = [
        cx.abstract_syntax for cx in AllStoragePresentationContexts if not is_storage(str(cx.abstract_syntax))
    ]
    assert refused == []


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008.5.1.4.1.2.2.1",  # Study Root FIND
        "1.2.840.10008.5.1.4.1.2.3.1",  # Patient/Study Only FIND, retired
        "1.2.840.10008.1.20.1",  # Storage Commitment Push
        "1.2.840.10008.5.1.4.31",  # Modality Worklist
        "1.2.840.10008.3.1.2.3.3",  # MPPS
        "1.2.840.10008.1.3.10",  # Media Storage Directory
    ],
)
def test_other_services_are_not_taken_for_storage(uid: str) -> None:
    assert not is_storage(uid)
    assert accept_contexts([build_context(uid)], {"store"}) == []


def test_lossy_syntaxes_are_those_the_standard_lets_lose() -> None:
    losing = {str(uid) for uid in AllTransferSyntaxes} - LOSSLESS
    assert {
        JPEG_BASELINE,
        "1.2.840.10008.1.2.4.81",
        "1.2.840.10008.1.2.4.91",
        "1.2.840.10008.1.2.4.203",
    } <= losing
    assert choose_transfer_syntax([JPEG_BASELINE, J2K_LOSSLESS]) == J2K_LOSSLESS
