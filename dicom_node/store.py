"""C-STORE as provider (PS3.4 Annex B): one instance through the one door, and the status that is true of it.

Success is answered after `ingest_spooled` returned, that is, after bytes and index are durable. A duplicate and an
instance held aside are success too: whatever the sender deletes now, we have.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from dicom_node.association import Sink
from dicom_node.command import C_STORE, Command
from dicom_node.incoming import IncomingInstance
from dicom_node.status import SUCCESS, failure, status_elements
from storage.archive import Archive
from storage.errors import Denied, Error, Invalid
from storage.ingest import Outcome, Receipt, Sender, ingest_spooled
from storage.sites import Node

log = structlog.get_logger("farlight.dicom_node")

FAILED = "FAILED"
"""The outcome of an instance that was not taken; the others are `storage.ingest.Outcome`."""


@dataclass(frozen=True)
class StoreAnswer:
    """The elements of the response, and what became of the instance for those who count."""

    elements: Command
    outcome: str
    receipt: Receipt | None = None

    @property
    def reason(self) -> str:
        """What went wrong, for those who count: empty, a kind of `storage.ingest.Aside`, or the status."""
        if self.receipt is None:
            return f"{self.elements['Status']:04X}"
        return self.receipt.aside or ""


def store(archive: Archive, node: Node, sender: Sender, sink: Sink | None) -> StoreAnswer:
    """Take one instance in. Never raises: what went wrong is in the answer, and a bug of ours in the log too."""
    try:
        receipt = _take_in(archive, node, sender, sink)
    except Error as why:
        log.warning(
            "instance refused", calling=sender.name, site=sender.site, code=why.code, reason=why.message
        )
        return StoreAnswer(failure(why, C_STORE), FAILED)
    except Exception as why:
        log.exception("instance failed", calling=sender.name, site=sender.site)
        return StoreAnswer(failure(why, C_STORE), FAILED)
    finally:
        if sink is not None:
            sink.close()
    return StoreAnswer(status_elements(SUCCESS), receipt.outcome, receipt)


def _take_in(archive: Archive, node: Node, sender: Sender, sink: Sink | None) -> Receipt:
    if "store" not in node.may:
        raise Denied("this node is not registered to send images")
    if not isinstance(sink, IncomingInstance) or sink.size == 0:
        raise Invalid("the C-STORE request brought no data set")
    receipt = ingest_spooled(archive, sink.spooled(), sink.claim, sender, sink.early)
    if receipt.outcome is Outcome.HELD_ASIDE:
        log.warning("instance held aside", calling=sender.name, site=sender.site, reason=receipt.detail)
    return receipt
