"""Data sets on their way in: to disk as they arrive, without a name, so that nothing can be left behind.

pynetdicom gathers a message in memory, or in a named temporary file that outlives an abort. Here the data set of a
C-STORE goes to an unnamed file in the archive's `incoming` folder: the system frees it when it is closed, when the
association breaks, and when the process dies.
"""

from __future__ import annotations

import mmap
import queue
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import structlog
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import DimseServiceType
from pynetdicom.pdu_primitives import P_DATA

from storage.blobs.folder import RESERVE
from storage.errors import Invalid, Unavailable
from storage.structure import Buffer

log = structlog.get_logger("farlight.dicom_node")

MAX_COMMAND_BYTES = 64 << 10
"""A command set has a dozen short elements; this is a hundred times what any needs."""
MAX_IDENTIFIER_BYTES = 1 << 20
"""Data sets of other messages than C-STORE stay in memory and may be this long."""
MAX_WAITING_MESSAGES = 16
"""One operation at a time was negotiated (PS3.7 D.3.3.3); who sends far ahead is stopped."""
IDLE_AFTER_S = 1.0
"""When nothing came for so long, an association's two threads wait in steps of `IDLE_WAIT_S` for something to come.
pynetdicom's look every millisecond: fifty idle associations took a whole processor."""
IDLE_WAIT_S = 0.1
_LOOK_AT_DISK_EVERY = 64 << 20
_LAST_COMMAND_FRAGMENT = 3
_COMMAND = 1


Message = tuple[None, None] | tuple[int, DimseServiceType]
"""A presentation context's ID and what came on it."""


class IncomingDataSet:
    """One data set as it arrives. Errors of the disk are kept and raised when it is read."""

    def __init__(self, folder: Path) -> None:
        self.size = 0
        self.name = ""  # pynetdicom unlinks a name when it is done; there is none
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._failure: OSError | Unavailable | None = None
        self._looked_at = 0

    @property
    def file(self) -> IncomingDataSet:
        """pynetdicom flushes ``.file`` after each fragment; that is us, and `flush` waits for the last one."""
        return self

    @property
    def closed(self) -> bool:
        """Whether there is nothing to free."""
        return self._file is None

    def write(self, data: bytes) -> None:
        """Take a fragment. Never raises: the sender is answered once, at the end."""
        self.size += len(data)
        if self._failure is not None:
            return
        try:
            self._require_room()
            self._opened().write(data)
        except (OSError, Unavailable) as why:
            self._failure = why
            self.close()

    def flush(self) -> None:
        """Nothing: see `file`."""

    def close(self) -> None:
        """Free the disk."""
        if self._file is not None:
            with suppress(OSError):  # a full disk is told by `view`
                self._file.close()
            self._file = None

    @contextmanager
    def view(self) -> Iterator[Buffer]:
        """The whole data set, mapped rather than read. Raises `Unavailable` if it could not be written."""
        try:
            if self._failure is not None:
                raise self._failure
            if self._file is None or self.size == 0:
                yield b""
                return
            self._file.flush()
            mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as why:
            raise Unavailable(f"the data set could not be received: {why.strerror}") from why
        view = memoryview(mapped)
        try:
            yield view
        finally:
            with suppress(BufferError):  # a traceback still looks at it; it is freed with the traceback
                view.release()
                mapped.close()

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by `close`
        return self._file

    def _require_room(self) -> None:
        if self.size - self._looked_at < _LOOK_AT_DISK_EVERY:
            return
        self._looked_at = self.size
        if shutil.disk_usage(self._folder).free < RESERVE:
            raise Unavailable("the disk of the data folder is nearly full")


class Intake(DIMSEServiceProvider):
    """DIMSE messages of one association: bounded in memory, C-STORE data sets to disk.

    A message that cannot be read ends its association with A-ABORT, as PS3.8 9.2 asks for an invalid PDU.
    """

    def __init__(self, association: Association, folder: Path) -> None:
        super().__init__(association)
        self._folder = folder
        self._gathered = 0
        self._received_at = time.monotonic()
        self._data_sets: list[IncomingDataSet] = []

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the fragments of one P-DATA one by one."""
        self._received_at = time.monotonic()
        try:
            for context_id, fragment in primitive.presentation_data_value_list:
                self._receive_fragment(context_id, fragment)
        except Exception as why:  # whatever a peer made fail in the decoder, the answer is the same
            log.warning("message not readable", error=type(why).__name__)
            self.discard()
            self.message = None
            self.dul.event_queue.put("Evt19")

    def get_msg(self, block: bool = False) -> Message:
        """The next message, or (None, None); an idle association waits for it a little."""
        if block or time.monotonic() - self._received_at < IDLE_AFTER_S:
            return super().get_msg(block)
        try:
            return self.msg_queue.get(timeout=IDLE_WAIT_S)
        except queue.Empty:
            return None, None

    def discard(self) -> None:
        """Free what is still held of messages that nobody will answer."""
        for data_set in self._data_sets:
            data_set.close()
        self._data_sets.clear()

    def _receive_fragment(self, context_id: int, fragment: bytes) -> None:
        self._require_modesty(fragment)
        single = P_DATA()
        single.presentation_data_value_list.append((context_id, fragment))
        super().receive_primitive(single)
        if self.message is None:
            self._gathered = 0
        elif fragment[0] & _LAST_COMMAND_FRAGMENT == _LAST_COMMAND_FRAGMENT:
            self._gathered = 0
            if isinstance(self.message, C_STORE_RQ):
                self._spool()

    def _spool(self) -> None:
        self._data_sets = [data_set for data_set in self._data_sets if not data_set.closed]
        data_set = IncomingDataSet(self._folder)
        self._data_sets.append(data_set)
        self.message._data_set_file = data_set  # type: ignore[union-attr]

    def _require_modesty(self, fragment: bytes) -> None:
        if self.msg_queue.qsize() > MAX_WAITING_MESSAGES:
            raise Invalid("more requests than the negotiated window allows")
        self._gathered += len(fragment)
        is_command = bool(fragment[0] & _COMMAND)
        if is_command and self._gathered > MAX_COMMAND_BYTES:
            raise Invalid("a command set without end")
        if (
            not is_command
            and not isinstance(self.message, C_STORE_RQ)
            and self._gathered > MAX_IDENTIFIER_BYTES
        ):
            raise Invalid("an identifier without end")
