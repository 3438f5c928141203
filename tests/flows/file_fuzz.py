"""A node and the application over one archive, and what they make of broken files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from file_mutations import Sample, samples
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context, build_role
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet
from running import Client
from sqlalchemy import select

from dicom_node.association import Association
from dicom_node.contexts import PLAIN
from dicom_node.node import DicomNode
from dicom_node.requestor import Destination, Proposal, connect
from dicom_node.services import StoreCommand
from dicom_node.status import STATUSES
from storage.archive import Archive
from storage.errors import Unavailable
from storage.retrieve import StoredInstance, first_instance
from storage.tables import held_aside, instance

SECONDS = 20
"""One broken file may take so long, on a machine that does other things beside."""
SUCCESS = 0x0000
KNOWN = {SUCCESS, 0xA900, *STATUSES[0x0001].values()} - {0x0110, 0xA700}
"""What a broken file may be answered; a processing failure would be our fault, and the disk is not full."""
FIND_LEVELS = {
    "STUDY": ("PatientName", "PatientID", "StudyDescription", "ModalitiesInStudy", "SOPClassesInStudy"),
    "SERIES": ("StudyInstanceUID", "SeriesDescription", "Modality", "NumberOfSeriesRelatedInstances"),
    "IMAGE": ("SOPInstanceUID", "WindowCenter", "ImageComments", "ReferencedImageSequence", "ImageType"),
}


@dataclass
class Found:
    """What happened, for the last line."""

    statuses: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    kept: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0


class Fuzz:
    """A node and the application over one archive, and who calls them."""

    def __init__(self, archive: Archive, node: DicomNode, http: Client) -> None:
        self.archive, self.http = archive, http
        self.destination = Destination(node.ae_title, "127.0.0.1", node.port)
        self.found = Found()
        self._stack = ExitStack()
        self._association: Association | None = None

    def send(self, sample: Sample) -> int | None:
        """The status; None if the association was aborted."""
        association = self._associated()
        wanted = (sample.sop_class_uid, sample.transfer_syntax_uid)
        contexts = association.contexts.values()
        context = next(one for one in contexts if (one.abstract_syntax, one.transfer_syntax) == wanted)
        command = StoreCommand(sample.sop_class_uid, sample.sop_instance_uid)
        try:
            return association.store(context, command, [sample.data])
        except Unavailable:
            self._association = None
            return None

    def _associated(self) -> Association:
        if self._association is None:
            self._stack.close()
            self._association = self._stack.enter_context(
                connect(self.destination, "KASHI_PACS", proposals())
            )
        return self._association

    def close(self) -> None:
        self._stack.close()

    # what came of it

    def try_one(self, name: str, sample: Sample) -> None:
        """Send it, and look at what the archive and both wires make of it."""
        began = time.monotonic()
        status = self.send(sample)
        self.found.statuses["aborted" if status is None else f"{status:04X}"] += 1
        if status not in KNOWN:
            self.fault(name, sample, f"answered {status if status is None else hex(status)}")
        elif status == SUCCESS:
            self._look(name, sample)
        elif self._instance(sample) is not None:
            self.fault(name, sample, "refused, and here all the same")
        took = time.monotonic() - began
        self.found.slowest_s = max(self.found.slowest_s, took)
        if took > SECONDS:
            self.fault(name, sample, f"took {took:.1f} s")

    def fault(self, name: str, sample: Sample, what: str) -> None:
        self.found.faults.append(f"{name} ({sample.name}): {what}")

    def _look(self, name: str, sample: Sample) -> None:
        stored = self._instance(sample)
        if stored is None:
            if not self._is_held_aside(sample):
                self.fault(name, sample, "acknowledged, and nowhere to be found")
            return
        self.found.kept.append(sample.sop_instance_uid)
        start = stored.blob_offset + stored.dataset_offset
        length = stored.length - stored.dataset_offset
        if self.archive.blobs.read(stored.blob_key, start, length) != sample.data:
            self.fault(name, sample, "what is read back is not what was sent")
        for path in self._addresses(stored):
            self._fetch(name, sample, path)

    def _fetch(self, name: str, sample: Sample, path: str) -> None:
        """An answer may break off where a later frame is broken; that is logged as such, and not as our fault."""
        try:
            answer = self.http.get(path)
        except httpx.RemoteProtocolError:
            self.found.answers["broke off"] += 1
            return
        self.found.answers[str(answer.status_code)] += 1
        if answer.status_code >= 500:
            what = f"{path.rpartition('/')[2]}: {answer.status_code} {answer.text[:200]}"
            self.fault(name, sample, what)

    def _addresses(self, stored: StoredInstance) -> Iterator[str]:
        uids = (stored.study_instance_uid, stored.series_instance_uid, stored.sop_instance_uid)
        study, series, uid = (quote(uid, safe="") for uid in uids)
        base = f"/dicom-web/studies/{study}/series/{series}/instances/{uid}"
        yield from (base, f"{base}/metadata", f"{base}/rendered", f"{base}/thumbnail", f"{base}/frames/1")
        yield f"{base}/frames/1/rendered?window=40,400,linear&viewport=64,64"
        yield f"{base}/rendered?accept=text/html"
        metadata = self.http.get(f"{base}/metadata")
        if metadata.status_code == 200:
            yield from list(bulk_addresses(metadata.json()))[:4]

    def _instance(self, sample: Sample) -> StoredInstance | None:
        with self.archive.database.read() as connection:
            return first_instance(connection, instance.c.sop_instance_uid == sample.sop_instance_uid)

    def _is_held_aside(self, sample: Sample) -> bool:
        query = select(held_aside).where(held_aside.c.sop_instance_uid == sample.sop_instance_uid)
        with self.archive.database.read() as connection:
            row = connection.execute(query).one_or_none()
        return row is not None and self.archive.blobs.read(row.blob_key).endswith(sample.data)

    # all of it

    def look_at_all(self) -> None:
        """Queries and retrievals over everything that was taken."""
        for level, keywords in FIND_LEVELS.items():
            self._find(level, keywords)
        for path in ("studies", "series", "instances"):
            answer = self.http.get(f"/dicom-web/{path}", params={"includefield": "all", "limit": 5000})
            if answer.status_code not in (200, 204):
                self.found.faults.append(f"QIDO-RS {path}: {answer.status_code} {answer.text[:200]}")
        kept = self.found.kept
        for start in range(0, len(kept), 100):
            self._get(kept[start : start + 100])

    def _find(self, level: str, keywords: Iterable[str]) -> None:
        asked = Dataset()
        asked.QueryRetrieveLevel = level
        for keyword in keywords:
            setattr(asked, keyword, [] if keyword.endswith("Sequence") else None)
        proposal = Proposal("1.2.840.10008.5.1.4.1.2.2.1", PLAIN[:1])
        with connect(self.destination, "KASHI_PACS", [proposal]) as association:
            try:
                count = sum(1 for _ in association.find(association.contexts[1], asked))
            except Unavailable as why:
                self.found.faults.append(f"C-FIND {level}: {why}")
            else:
                assert count or not self.found.kept

    def _get(self, uids: list[str]) -> None:
        """In implicit VR, so that most are re-encoded on their way."""
        classes = sorted({sample.sop_class_uid for sample in samples()})
        caller = AE("KASHI_PACS")
        caller.maximum_pdu_size = 0
        contexts = [build_context(uid, PLAIN[1]) for uid in classes]
        contexts.append(build_context(StudyRootQueryRetrieveInformationModelGet, PLAIN[1]))
        roles = [build_role(uid, scp_role=True) for uid in classes]
        received: list[str] = []

        def take(event: evt.Event) -> int:
            received.append(str(event.request.AffectedSOPInstanceUID))
            return 0x0000

        handlers = [(evt.EVT_C_STORE, take)]
        port = self.destination.port
        association = caller.associate(
            "127.0.0.1", port, contexts, ae_title="FARLIGHT", ext_neg=roles, evt_handlers=handlers
        )
        asked = Dataset()
        asked.QueryRetrieveLevel, asked.SOPInstanceUID = "IMAGE", uids
        responses = list(association.send_c_get(asked, StudyRootQueryRetrieveInformationModelGet))
        association.release()
        last = responses[-1][0] if responses else Dataset()
        counted = last.get("NumberOfCompletedSuboperations", 0) + last.get("NumberOfFailedSuboperations", 0)
        if last.get("Status") not in (0x0000, 0xB000, 0xA702) or counted != len(uids):
            self.found.faults.append(f"C-GET of {len(uids)}: {last}")
        elif len(received) != last.NumberOfCompletedSuboperations:
            self.found.faults.append(
                f"C-GET: {len(received)} came, {last.NumberOfCompletedSuboperations} are told"
            )


def bulk_addresses(metadata: Any) -> Iterator[str]:
    """Every BulkDataURI in it, as a path."""
    if isinstance(metadata, dict):
        if "BulkDataURI" in metadata:
            yield urlsplit(metadata["BulkDataURI"]).path
        metadata = list(metadata.values())
    if isinstance(metadata, list):
        for value in metadata:
            yield from bulk_addresses(value)


def proposals() -> list[Proposal]:
    """Each SOP class in each transfer syntax of the samples, a context for each."""
    classes = sorted({sample.sop_class_uid for sample in samples()})
    syntaxes = sorted({sample.transfer_syntax_uid for sample in samples()})
    return [Proposal(uid, (syntax,)) for uid in classes for syntax in syntaxes]
