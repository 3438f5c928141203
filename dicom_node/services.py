"""What the services of the node share: a request from a caller, and the responses to it (PS3.7 9.1, 10.1).

A service is a function from a `Request` to the responses in the order in which they are sent: pending ones first,
one final one last. It raises an `Error` for what `status` knows how to say. It asks `request.cancelled()` between
responses, and answers a C-CANCEL with a final response of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from pydicom import Dataset

from dicom_node.peers import Caller
from storage.archive import Archive
from storage.sites import Node
from storage.structure import Buffer

PENDING = 0xFF00
PENDING_WITH_WARNING = 0xFF01
CANCELLED = 0xFE00


@dataclass(frozen=True)
class Context:
    """An accepted presentation context (PS3.8 7.1.1.13). `as_requestor` and `as_acceptor` tell who of the two may
    be its user (SCU): normally the requestor, by role selection (PS3.7 D.3.3.4) the acceptor too."""

    id: int
    abstract_syntax: str
    transfer_syntax: str
    as_requestor: bool = True
    as_acceptor: bool = False
    extended: bytes = b""
    """The caller's SOP Class Extended Negotiation (PS3.7 D.3.3.5), as it was accepted."""


@dataclass(frozen=True)
class StoreCommand:
    """What a C-STORE request of ours says beside its data set (PS3.7 9.1.1.1)."""

    sop_class_uid: str
    sop_instance_uid: str
    move_originator_ae_title: str = ""
    move_originator_message_id: int | None = None


class Peer(Protocol):
    """The other end of an open association, for services that send over it."""

    contexts: dict[int, Context]

    def store(self, context: Context, command: StoreCommand, data_set: Iterable[Buffer]) -> int:
        """C-STORE over this association; the status of the response. Raises `Unavailable` if it breaks."""

    def report_event(
        self, context: Context, sop_class_uid: str, instance: str, kind: int, info: Dataset
    ) -> int:
        """N-EVENT-REPORT over this association (PS3.7 10.1.1); the status of the response."""

    def abort(self) -> None:
        """A-ABORT: what was begun cannot be finished, and nothing more follows."""


@dataclass(frozen=True)
class SubOperations:
    """The counts of a C-MOVE or C-GET (PS3.4 C.4.2.1.5). `remaining` is None where it must not be sent."""

    remaining: int | None
    completed: int
    failed: int
    warning: int


@dataclass(frozen=True)
class Response:
    """One response: its status and what else it brings."""

    status: int
    identifier: Dataset | None = None
    comment: str = ""
    sub_operations: SubOperations | None = None


@dataclass(frozen=True)
class Request:
    """One request of a registered node: `command` is the command set (group 0000), `identifier` its data set."""

    archive: Archive
    ae_title: str
    """Ours."""
    node: Node
    caller: Caller
    context: Context
    command: Dataset
    identifier: Dataset | None
    peer: Peer
    cancelled: Callable[[], bool]


Service = Callable[[Request], Iterator[Response]]
