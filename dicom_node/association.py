"""An open association (PS3.8 7, PS3.7 6): messages in and out over accepted presentation contexts.

The same on both sides. One thread owns it: it reads a message, works, answers. While it works it may look whether the
peer sent a C-CANCEL, and may send requests of its own (the C-STOREs of a C-GET, a commitment's N-EVENT-REPORT). What
comes meanwhile and is meant for later waits in line.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Protocol

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from dicom_node import command as commands
from dicom_node.command import Command, Value
from dicom_node.services import Context, StoreCommand
from dicom_node.upper_layer import (
    ABORT,
    INVALID_PARAMETER,
    P_DATA,
    RELEASE_RP,
    RELEASE_RQ,
    UNEXPECTED_PDU,
    USER,
    Aborted,
    Connection,
    Idle,
    Lost,
    Violation,
)
from storage.errors import Invalid, Unavailable
from storage.structure import Buffer, Encoding, walk

MAX_COMMAND_BYTES = 64 << 10
"""A command set has a dozen short elements; this is a hundred times what any needs."""
MAX_WAITING_MESSAGES = 16
"""Requests that came while one was being served; who sends further ahead waits in the system's buffers."""
MAX_FRAGMENT = 128 << 10
"""We send no longer fragments, whatever the peer takes (0 means any length)."""
_DATA, _IS_COMMAND, _IS_LAST = 0, 1, 2
_MEDIUM = 0


class Sink(Protocol):
    """Where a data set goes as it arrives. `write` never raises: the sender is answered once, at the end."""

    def write(self, data: memoryview) -> None:
        """Take a fragment; its memory is used again afterwards."""

    def close(self) -> None:
        """Free what it holds."""


class Nowhere:
    """For a data set that nobody wants, and must be read all the same."""

    def write(self, data: memoryview) -> None:
        """Let it go."""

    def close(self) -> None:
        """Nothing is held."""


class Gathered:
    """A short data set in memory: an identifier. Raises `Violation` beyond `most` bytes."""

    def __init__(self, most: int = 1 << 20) -> None:
        self.data = bytearray()
        self._most = most

    def write(self, data: memoryview) -> None:
        """Append."""
        if len(self.data) + len(data) > self._most:
            raise Violation("an identifier without end", INVALID_PARAMETER)
        self.data += data

    def close(self) -> None:
        """Nothing but memory."""


@dataclass(frozen=True)
class Message:
    """One DIMSE message: its command set, and the sink that took its data set, None if there is none."""

    context: Context
    command: Command
    sink: Sink | None

    @property
    def field(self) -> int:
        """(0000,0100) CommandField."""
        return commands.number(self.command, "CommandField")

    def identifier(self) -> Dataset | None:
        """The data set, decoded. Raises `Invalid` for one that cannot be read."""
        if not isinstance(self.sink, Gathered):
            return None
        return decode_dataset(bytes(self.sink.data), self.context.transfer_syntax)


OpenSink = Callable[[Context, Command], Sink]


def gather(_context: Context, _command: Command) -> Sink:
    """For associations on which no images come in."""
    return Gathered()


class Association:
    """`contexts` are the accepted ones by ID; on one of `rejected` a message is read and has no transfer syntax."""

    def __init__(
        self,
        connection: Connection,
        contexts: Mapping[int, Context],
        *,
        longest_pdu: int,
        idle_timeout_s: float,
        rejected: Mapping[int, Context] | None = None,
        open_sink: OpenSink = gather,
    ) -> None:
        self.contexts = dict(contexts)
        self.connection = connection
        self.released = False
        self._rejected = dict(rejected or {})
        self._fragment_bytes = (min(longest_pdu or MAX_FRAGMENT, MAX_FRAGMENT) - 6) & ~1
        self._idle_timeout_s = idle_timeout_s
        self._open_sink = open_sink
        self._fragments: Iterator[tuple[int, int, memoryview]] = iter(())
        self._waiting: deque[Message] = deque()
        self._cancelled: set[int] = set()
        self._last_message_id = 0

    # reading

    def receive(self) -> Message | None:
        """The next message, None once the peer asked for release and has its answer.

        Raises `Idle`, `Lost`, `Aborted`, `Violation`; the association is over then.
        """
        if self._waiting:
            return self._waiting.popleft()
        return None if self.released else self._read_message()

    def cancelled(self, message_id: int) -> bool:
        """Whether the peer sent a C-CANCEL for this request (PS3.7 9.3.2.3), or has gone."""
        while not self.released and len(self._waiting) < MAX_WAITING_MESSAGES and self.connection.waits():
            self._sort(self._read_message())
        return self.released or message_id in self._cancelled

    def _sort(self, message: Message | None) -> None:
        """A C-CANCEL is noted, a request waits."""
        if message is None:
            return
        if message.field == commands.C_CANCEL:
            self._cancelled.add(commands.number(message.command, "MessageIDBeingRespondedTo"))
        else:
            self._waiting.append(message)

    def _read_message(self) -> Message | None:
        first = self._next_fragment()
        if first is None:
            return None
        context, command = self._read_command(first)
        with_data = command["CommandDataSetType"] != commands.NO_DATA_SET
        sink = self._read_data_set(context, command) if with_data else None
        self.connection.release_buffer()
        return Message(context, command, sink)

    def _read_command(self, fragment: tuple[int, int, memoryview]) -> tuple[Context, Command]:
        context_id, control, data = fragment
        context = self._context(context_id)
        gathered = bytearray()
        if not control & _IS_COMMAND:
            raise Violation("a data set without a command set")
        while True:
            gathered += data
            if len(gathered) > MAX_COMMAND_BYTES:
                raise Violation("a command set without end", INVALID_PARAMETER)
            if control & _IS_LAST:
                break
            control, data = self._following(context_id, _IS_COMMAND)
        try:
            command = commands.decode(gathered)
            commands.require_complete(command)
        except Invalid as why:
            raise Violation(why.message, INVALID_PARAMETER) from why
        return context, command

    def _read_data_set(self, context: Context, command: Command) -> Sink:
        sink = self._open_sink(context, command)
        try:
            control = 0
            while not control & _IS_LAST:
                control, data = self._following(context.id, _DATA)
                sink.write(data)
        except BaseException:
            sink.close()
            raise
        return sink

    def _following(self, context_id: int, kind: int) -> tuple[int, memoryview]:
        """The next fragment of the same message, command or data as `kind` says: its control header and data."""
        fragment = self._next_fragment()
        if fragment is None:
            raise Violation("a release in the middle of a message")
        if fragment[0] != context_id or fragment[1] & _IS_COMMAND != kind:
            raise Violation("two messages in one another")
        return fragment[1], fragment[2]

    def _next_fragment(self) -> tuple[int, int, memoryview] | None:
        """None once the peer asked for release; that is answered here."""
        while (fragment := next(self._fragments, None)) is None:
            kind, length = self.connection.read_head(self._idle_timeout_s)
            if kind == P_DATA:
                if not length:
                    raise Violation("an empty P-DATA-TF", INVALID_PARAMETER)
                self._fragments = self.connection.read_fragments(length)
            elif kind == RELEASE_RQ:
                self.connection.read_body(length)
                self._answer_release()
                return None
            elif kind == ABORT:
                self.connection.read_body(length)
                raise Aborted
            else:
                raise Violation(f"a PDU of type {kind} in an established association", UNEXPECTED_PDU)
        return fragment

    def _answer_release(self) -> None:
        self.released = True
        self.connection.write(struct.pack(">BxLxxxx", RELEASE_RP, 4))

    def _context(self, context_id: int) -> Context:
        context = self.contexts.get(context_id) or self._rejected.get(context_id)
        if context is None:
            raise Violation("a presentation context that was never proposed", INVALID_PARAMETER)
        return context

    # writing

    def send(
        self, context: Context, command: Mapping[str, Value], data_set: Iterable[Buffer] | None = None
    ) -> None:
        """One message. Raises `Lost`."""
        typed = {**command, "CommandDataSetType": commands.NO_DATA_SET if data_set is None else 1}
        self._send_fragments(context.id, _IS_COMMAND, [commands.encode(typed)])
        if data_set is not None:
            self._send_fragments(context.id, 0, data_set)

    def _send_fragments(self, context_id: int, control: int, chunks: Iterable[Buffer]) -> None:
        """The last fragment is marked, so each waits until it is known whether another follows."""
        pending: Buffer | None = None
        for chunk in self._sized(chunks):
            if pending is not None:
                self._write_fragment(context_id, control, pending)
            pending = chunk
        self._write_fragment(context_id, control | _IS_LAST, b"" if pending is None else pending)

    def _sized(self, chunks: Iterable[Buffer]) -> Iterator[Buffer]:
        """Fragments of even length, however long the chunks are: DCMTK refuses others (PS3.8 Annex E)."""
        odd = b""
        for chunk in chunks:
            view = memoryview(odd + bytes(chunk) if odd else chunk)
            even = len(view) & ~1
            for start in range(0, even, self._fragment_bytes):
                yield view[start : min(start + self._fragment_bytes, even)]
            odd = bytes(view[even:])
        if odd:
            yield odd

    def _write_fragment(self, context_id: int, control: int, data: Buffer) -> None:
        head = struct.pack(">BxLLBB", P_DATA, len(data) + 6, len(data) + 2, context_id, control)
        self.connection.write(head, data)

    # asking

    def store(self, context: Context, command: StoreCommand, data_set: Iterable[Buffer]) -> int:
        """C-STORE (PS3.7 9.3.1); the status of the response. Raises `Unavailable` if the association breaks."""
        request: Command = {
            "AffectedSOPClassUID": command.sop_class_uid,
            "AffectedSOPInstanceUID": command.sop_instance_uid,
            "CommandField": commands.C_STORE,
            "Priority": _MEDIUM,
        }
        if command.move_originator_ae_title:
            request["MoveOriginatorApplicationEntityTitle"] = command.move_originator_ae_title
            request["MoveOriginatorMessageID"] = command.move_originator_message_id or 0
        return self._ask(context, request, data_set)

    def report_event(
        self, context: Context, sop_class_uid: str, instance: str, kind: int, info: Dataset
    ) -> int:
        """N-EVENT-REPORT (PS3.7 10.3.1); the status of the response. Raises `Unavailable`."""
        request: Command = {
            "AffectedSOPClassUID": sop_class_uid,
            "AffectedSOPInstanceUID": instance,
            "CommandField": commands.N_EVENT_REPORT,
            "EventTypeID": kind,
        }
        return self._ask(context, request, [encode_dataset(info, context.transfer_syntax)])

    def find(self, context: Context, identifier: Dataset) -> Iterator[Dataset]:
        """C-FIND (PS3.7 9.3.2): the identifiers of the pending responses. Raises `Unavailable`; a final status
        that is no success is one too."""
        request: Command = {
            "AffectedSOPClassUID": context.abstract_syntax,
            "CommandField": commands.C_FIND,
            "Priority": _MEDIUM,
        }
        with _availability():
            message_id = self._request(
                context, request, [encode_dataset(identifier, context.transfer_syntax)]
            )
            while True:
                response = self._response(message_id)
                status = commands.number(response.command, "Status")
                if status >> 8 != 0xFF:
                    break
                if (found := response.identifier()) is not None:
                    yield found
        if status:
            raise Unavailable(f"the query ended with status 0x{status:04X}")

    def echo(self, context: Context) -> int:
        """C-ECHO (PS3.7 9.3.5); the status of the response. Raises `Unavailable`."""
        request: Command = {"AffectedSOPClassUID": context.abstract_syntax, "CommandField": commands.C_ECHO}
        return self._ask(context, request, None)

    def abort(self) -> None:
        """A-ABORT by the service user (PS3.8 7.3), as far as it can still be said."""
        self.connection.abort(USER)
        self.connection.linger()

    def _ask(self, context: Context, request: Command, data_set: Iterable[Buffer] | None) -> int:
        with _availability():
            message_id = self._request(context, request, data_set)
            return commands.number(self._response(message_id).command, "Status")

    def _request(self, context: Context, request: Command, data_set: Iterable[Buffer] | None) -> int:
        if self.released:
            raise Unavailable("the peer has released the association")
        self._last_message_id = self._last_message_id % 0xFFFF + 1
        self.send(context, {**request, "MessageID": self._last_message_id}, data_set)
        return self._last_message_id

    def _response(self, message_id: int) -> Message:
        while (message := self._read_message()) is not None:
            answers = message.command.get("MessageIDBeingRespondedTo") == message_id
            if answers and message.field & commands.RESPONSE:
                return message
            self._sort(message)
            if len(self._waiting) > MAX_WAITING_MESSAGES:
                raise Violation("more requests than anybody needs while one is being served")
        raise Unavailable("the peer released the association instead of answering")


@contextmanager
def _availability() -> Iterator[None]:
    """What ends an association, in the words of those who wait for an answer."""
    try:
        yield
    except Idle as why:
        raise Unavailable("the peer did not answer in time") from why
    except Lost as why:
        raise Unavailable("the peer broke the connection") from why
    except Aborted as why:
        raise Unavailable("the peer aborted the association") from why
    except Violation as why:
        raise Unavailable(f"the peer broke the protocol: {why}") from why


def decode_dataset(data: bytes, transfer_syntax_uid: str) -> Dataset:
    """An identifier or other short data set; its values are decoded when they are looked at. Raises `Invalid`."""
    encoding = Encoding.of(transfer_syntax_uid)
    walk(data, 0, encoding)
    try:
        return read_dataset(BytesIO(data), encoding.implicit_vr, encoding.little_endian)
    except Exception as why:  # pydicom raises many kinds on broken data, and each means the same to a peer
        raise Invalid(f"the identifier cannot be read: {type(why).__name__}") from why


def encode_dataset(dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    """The same the other way."""
    encoding = Encoding.of(transfer_syntax_uid)
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = encoding.implicit_vr, encoding.little_endian
    write_dataset(out, dataset)
    encoded: bytes = out.getvalue()
    return encoded
