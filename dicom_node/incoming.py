"""One image on its way in: from the socket to the archive's spool, without ever lying in memory."""

from __future__ import annotations

from dicom_node.command import Command, text
from storage.archive import Archive
from storage.errors import Error, Invalid
from storage.header import EarlyHeader
from storage.identity import required_uid
from storage.ingest import Claim
from storage.next_header import HeaderReader
from storage.spool import Spool


class IncomingInstance:
    """The sink of a C-STORE's data set. What goes wrong is kept and raised by `spooled`, when all of it has come.

    `headers` reads those of one association."""

    def __init__(
        self, archive: Archive, command: Command, transfer_syntax_uid: str, headers: HeaderReader
    ) -> None:
        self.size = 0
        self.spool: Spool | None = None
        self.early: EarlyHeader | None = None
        """What the first fragment says of it all."""
        self._headers = headers
        self._failure: Error | None = None
        try:
            self.claim = _claim(command, transfer_syntax_uid)
            self.spool = archive.spool()
            self.spool.write(self.claim.head)
        except Error as why:
            self._give_up(why)

    def write(self, data: memoryview) -> None:
        """Take a fragment. The header is read when the first has come: the system takes the next ones meanwhile."""
        self.size += len(data)
        if self.spool is None:
            return
        if self.size == len(data):
            self.early = self._headers.read_early(data, self.claim.transfer_syntax_uid)
        try:
            self.spool.write(data)
        except Error as why:
            self._give_up(why)

    def spooled(self) -> Spool:
        """All of it. Raises what prevented that."""
        if self._failure is not None or self.spool is None:
            raise self._failure or Invalid("the C-STORE request brought no data set")
        return self.spool

    def close(self) -> None:
        """Free the disk."""
        if self.spool is not None:
            self.spool.close()

    def _give_up(self, why: Error) -> None:
        self._failure = why
        self.close()
        self.spool = None


def _claim(command: Command, transfer_syntax_uid: str) -> Claim:
    return Claim(
        required_uid(text(command, "AffectedSOPClassUID"), "(0000,0002) AffectedSOPClassUID"),
        required_uid(text(command, "AffectedSOPInstanceUID"), "(0000,1000) AffectedSOPInstanceUID"),
        transfer_syntax_uid,
    )
