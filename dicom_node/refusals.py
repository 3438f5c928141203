"""The callers that were refused, for the administrator who may adopt one of them.

Anybody can be refused as often as he likes, so what is refused is counted in memory and written every few seconds:
the same caller again is a number, and of different ones only so many are kept until then.
"""

from __future__ import annotations

import threading
from collections import Counter

import structlog

from dicom_node.peers import Caller, Rejection
from storage.archive import Archive
from storage.errors import Error
from storage.sites import record_refusal

log = structlog.get_logger("farlight.dicom_node")

WRITTEN_EVERY_S = 2.0
MOST_AT_ONCE = 200
"""Different callers that are kept until they are written; of more the log tells alone."""

_Refused = tuple[Caller, Rejection]


class Refusals:
    """Those of one node. `note` may be called from any thread."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._counts: Counter[_Refused] = Counter()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="dicom-refusals", daemon=True)

    def start(self) -> None:
        """Write what is noted, from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and no more."""
        self._stopped.set()
        self._thread.join(5)

    def note(self, caller: Caller, rejection: Rejection) -> None:
        """Count it."""
        with self._lock:
            if (caller, rejection) in self._counts or len(self._counts) < MOST_AT_ONCE:
                self._counts[caller, rejection] += 1

    def _write_all(self) -> None:
        while not self._stopped.wait(WRITTEN_EVERY_S):
            self._write()
        self._write()

    def _write(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            self._record(counts)
        except Error as why:
            log.warning("refusals not noted", reason=why.message, callers=len(counts))
        except Exception:
            log.exception("refusals not noted", callers=len(counts))

    def _record(self, counts: Counter[_Refused]) -> None:
        database = self._archive.database
        with database.write() as connection:
            for (caller, rejection), count in counts.items():
                titles = (caller.calling_ae_title, caller.called_ae_title)
                record_refusal(database, connection, *titles, caller.address, rejection.text, count=count)
