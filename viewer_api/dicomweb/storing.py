"""Instances of one request on their way through the one door, a few at a time.

Each waits until it is durable, and those that wait together are made durable together: four at once take about as long
as one. What a sender brings meanwhile waits in the connection.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from storage.archive import Archive
from storage.errors import Error, Invalid
from storage.header import Header, read_header
from storage.ingest import Sender, ingest_file
from storage.part10 import inspect_file
from storage.structure import Buffer
from viewer_api.dicomweb.incoming_parts import IncomingPart
from viewer_api.dicomweb.media_types import DICOM, OCTET_STREAM
from viewer_api.dicomweb.store_outcome import Results

_AT_ONCE = 4
"""Instances of one request."""
_keepers = ThreadPoolExecutor(16, "storing")


@dataclass
class Storing:
    """`study` is the only one that is taken, any if None."""

    archive: Archive
    sender: Sender
    study: str | None
    results: Results = field(default_factory=Results)
    _turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(_AT_ONCE))
    _under_way: list[Future[None]] = field(default_factory=list)

    def take(self, part: IncomingPart) -> None:
        """A part that is an instance; it is closed when it is kept. Returns when there is room for the next."""
        self._turns.acquire()
        place = len(self._under_way) + 1
        self._under_way.append(_keepers.submit(self._keep, place, part))

    def refuse(self, why: Error, sop_class_uid: str = "", sop_instance_uid: str = "") -> None:
        """Something that cannot be made an instance."""
        done: Future[None] = Future()
        done.set_result(None)
        self._under_way.append(done)
        self.results.failed(len(self._under_way), why, sop_class_uid, sop_instance_uid)

    def settle(self) -> None:
        """Wait for all that was taken."""
        wait(self._under_way)

    def _keep(self, place: int, part: IncomingPart) -> None:
        try:
            with part.opened() as buffer:
                self._ingest(place, part, buffer)
        except Error as why:  # the part itself could not be read again
            self.results.failed(place, why, "", "")
        finally:
            part.close()
            self._turns.release()

    def _ingest(self, place: int, part: IncomingPart, buffer: Buffer) -> None:
        try:
            _require_dicom(part)
            if self.study is not None:
                self._require_study(buffer, self.study)
            self.results.kept(place, ingest_file(self.archive, buffer, self.sender))
        except Error as why:
            self.results.failed(place, why, *self._identified(buffer))

    def _require_study(self, buffer: Buffer, study: str) -> None:
        """Raises `Invalid` for what is no instance, or one of another study."""
        if self._header(buffer).study_instance_uid != study:
            raise Invalid("this instance is of another study than the address names", code="OTHER_STUDY")

    def _identified(self, buffer: Buffer) -> tuple[str, str]:
        """SOP class and instance of what failed, empty where they cannot be read."""
        try:
            header = self._header(buffer)
        except Invalid:
            return "", ""
        return header.sop_class_uid, header.sop_instance_uid

    def _header(self, buffer: Buffer) -> Header:
        info = inspect_file(buffer)
        dataset = memoryview(buffer)[info.dataset_offset :]
        return read_header(dataset, 0, info.transfer_syntax_uid, self.sender.charset)


def _require_dicom(part: IncomingPart) -> None:
    if part.kind.media_type not in (DICOM, OCTET_STREAM, "*/*"):
        raise Invalid("a part is no application/dicom")
