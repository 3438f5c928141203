"""What the tests find behind HTTP, and how they read multipart answers."""

from __future__ import annotations

import io
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
import requests
import uvicorn
from dicomweb_client import DICOMwebClient
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian
from running import PASSWORD, Client, wait_for

from storage.archive import Archive
from storage.ingest import Receipt, Sender, ingest_file
from viewer_api.app import WebConfig, create_app
from viewer_api.http_protocol import HttpProtocol
from worklist.people import Membership, add_person, set_memberships, set_password
from worklist.roles import Role

KASHI_FILES = (
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "emri_small_RLE.dcm",
    "examples_palette.dcm",
    "image_dfl.dcm",
    "liver.dcm",
    "rtdose_expb.dcm",
    "rtplan.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
)
FRIEND = "https://viewer.example.org"
"""The one registered origin."""
PRIVATE_SYNTAX = "1.2.826.0.1.3680043.9.9999.1"
AKSU_FILES = ("693_J2KI.dcm",)
PDF = b"%PDF-1.4\n" + b"% words\n" * 2000 + b"%%EOF\n"


@dataclass(frozen=True)
class Stored:
    """One ingested file."""

    receipt: Receipt
    original: bytes

    @property
    def dataset(self) -> pydicom.Dataset:
        return pydicom.dcmread(io.BytesIO(self.original))

    @property
    def study(self) -> str:
        return f"/studies/{self.receipt.study_instance_uid}"

    @property
    def series(self) -> str:
        return f"{self.study}/series/{self.receipt.series_instance_uid}"

    @property
    def url(self) -> str:
        return f"{self.series}/instances/{self.receipt.sop_instance_uid}"

    @property
    def uids(self) -> tuple[str, str, str]:
        r = self.receipt
        return r.study_instance_uid, r.series_instance_uid, r.sop_instance_uid


@dataclass(frozen=True)
class Served:
    """The running application."""

    url: str
    archive: Archive
    stored: dict[str, Stored] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Stored:
        return self.stored[name]

    @contextmanager
    def client(self, username: str, tree: str = "/dicom-web"):
        """Signed in by cookie; addresses are relative to a DICOMweb tree."""
        with Client(self.url) as client:
            client.sign_in(username)
            client.base_url = f"{self.url}{tree}"
            yield client

    @contextmanager
    def dicomweb(self, username: str, tree: str = "/dicom-web"):
        """The public client, with a bearer token."""
        with Client(self.url) as client, requests.Session() as session:
            token = client.sign_in(username)["token"]
            headers = {"Authorization": f"Bearer {token}"}
            yield DICOMwebClient(f"{self.url}{tree}", session=session, headers=headers)


@contextmanager
def serve(archive: Archive, config: WebConfig | None = None, http: type[HttpProtocol] = HttpProtocol):
    """The application over an archive, on a port of its own; gives its address."""
    settings = uvicorn.Config(
        create_app(archive, config), host="127.0.0.1", port=0, log_level="warning", ws="none", http=http
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for("the application", lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


def fill(archive: Archive) -> dict[str, Stored]:
    files = [(name, "KASHI", Path(get_testdata_file(name)).read_bytes()) for name in KASHI_FILES]
    files += [(name, "AKSU", Path(get_testdata_file(name)).read_bytes()) for name in AKSU_FILES]
    files += [
        ("document", "KASHI", made_document()),
        ("no pixels", "KASHI", made_document(b"plain", "text/plain")),
    ]
    files += [("private syntax", "KASHI", made_private()), ("worklisted", "KASHI", made_from_worklist())]
    files += [("slice 1 of another", "AKSU", made_slice(1, "Somebody^Else"))]
    files += [(f"slice {n}", "KASHI", made_slice(n)) for n in range(1, 6)]
    return {
        name: Stored(ingest_file(archive, data, Sender(site, "TEST")), data) for name, site, data in files
    }


def add_person_of_both(archive: Archive) -> None:
    """``both`` is a technician of two hospitals."""
    with archive.database.write() as connection:
        user_id = add_person(connection, "both", "Both", "二")
        set_memberships(
            connection, user_id, {Membership(site, Role.TECHNICIAN) for site in ("KASHI", "AKSU")}
        )
        set_password(connection, user_id, PASSWORD)


def made_document(content: bytes = PDF, mime: str = "application/pdf") -> bytes:
    """An Encapsulated PDF of odd length, so that a byte is added."""
    uid = f"2.25.{len(content)}"
    dataset = pydicom.Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = EncapsulatedPDFStorage, f"{uid}.3"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
    dataset.Modality, dataset.PatientName, dataset.PatientID = "DOC", "Wang^XiaoDong=王^小东", "D_1"
    dataset.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    dataset.MIMETypeOfEncapsulatedDocument = mime
    dataset.EncapsulatedDocumentLength = len(content)
    return as_file(dataset)


def made_slice(number: int, patient_name: str = "Slices^Five") -> bytes:
    """One of five slices of a series, made from CT_small: the higher, the brighter."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.50", "2.25.50.1"
    dataset.SOPInstanceUID, dataset.InstanceNumber = f"2.25.50.1.{number}", number
    dataset.PatientID, dataset.PatientName = "S%1", patient_name
    dataset.PixelData = (dataset.pixel_array * 0 + number * 100).astype("<i2").tobytes()
    return as_file(dataset)


def made_from_worklist() -> bytes:
    """CT_small.dcm as if it had been ordered."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.70", "2.25.70.1"
    dataset.SOPInstanceUID, dataset.PatientID, dataset.PatientAge = "2.25.70.1.1", "W_1", "034Y"
    dataset.PerformedProcedureStepStartDate, dataset.WindowWidth = "20240229", 1234
    dataset.StudyID = "W1"
    step = pydicom.Dataset()
    step.ScheduledProcedureStepID, step.RequestedProcedureID = "SPS_7", "RP_9"
    other = pydicom.Dataset()
    other.ScheduledProcedureStepID, other.RequestedProcedureID = "SPS_8", "OTHER"
    dataset.RequestAttributesSequence = [step, other]
    return as_file(dataset)


def made_private() -> bytes:
    """JPEG2000.dcm under a transfer syntax that nobody knows."""
    dataset = pydicom.dcmread(get_testdata_file("JPEG2000.dcm"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.60", "2.25.60.1"
    dataset.SOPInstanceUID = "2.25.60.1.1"
    return as_file(dataset, PRIVATE_SYNTAX)


def as_file(dataset: pydicom.Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax_uid
    out = io.BytesIO()
    private = transfer_syntax_uid == PRIVATE_SYNTAX
    encoding = {"implicit_vr": False, "little_endian": True} if private else {}
    pydicom.dcmwrite(out, dataset, enforce_file_format=True, **encoding)
    return out.getvalue()


def parts_of(answer) -> list[tuple[str, bytes]]:
    """(Content-Type, content) of each part, checked the way browser clients read them."""
    content_type = answer.headers["content-type"]
    assert content_type.startswith("multipart/related; type=")
    boundary = b"--" + content_type.split("boundary=")[1].strip('"').encode()
    body = answer.content
    assert body.startswith(boundary)
    assert body.rstrip().endswith(boundary + b"--"), "the closing boundary is missing"
    found = []
    for piece in body.split(boundary)[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        assert len(head) < 1000
        (content_type,) = re.findall(rb"^Content-Type: (.+)$", head.replace(b"\r", b""), re.MULTILINE)
        found.append((content_type.decode(), content.removesuffix(b"\r\n")))
    return found


def references(value, key=None) -> list[str]:
    """Every BulkDataURI in DICOM JSON."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in references(item, key)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return [value] if key == "BulkDataURI" else []
