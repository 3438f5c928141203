"""A request to one of the services, and its responses on the wire (PS3.7 9.3, 10.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import structlog

from dicom_node import command as commands
from dicom_node.association import Association, Message, encode_dataset
from dicom_node.command import C_FIND, C_GET, C_MOVE, N_ACTION, RESPONSE, Command
from dicom_node.commitment import commit
from dicom_node.contexts import SERVICES
from dicom_node.find import find
from dicom_node.peers import Caller
from dicom_node.retrieve import get, move
from dicom_node.services import Request, Response, Service
from dicom_node.status import SOP_CLASS_NOT_SUPPORTED, failure, status_elements
from dicom_node.upper_layer import Aborted, Idle, Lost, Violation
from storage.archive import Archive
from storage.errors import Denied, Error, Invalid
from storage.sites import Node

log = structlog.get_logger("farlight.dicom_node")

SERVED: dict[int, tuple[str, Service]] = {
    C_FIND: ("find", find),
    C_MOVE: ("retrieve", move),
    C_GET: ("retrieve", get),
    N_ACTION: ("commit", commit),
}
"""By command field: what the caller must be allowed to do, and who does it."""


def serve(
    archive: Archive, ae_title: str, node: Node, caller: Caller, association: Association, message: Message
) -> None:
    """Answer one request. Raises only what ends the association."""
    message_id = commands.number(message.command, "MessageID")
    try:
        for response in _responses(archive, ae_title, node, caller, association, message):
            _send(association, message, message_id, response)
    except Error as why:
        log.warning(
            "request refused", calling=caller.calling_ae_title.strip(), site=node.site, reason=why.message
        )
        _send_elements(association, message, message_id, failure(why, message.field))
    except (Lost, Idle, Aborted, Violation):
        raise
    except Exception as why:
        log.exception("request failed", calling=caller.calling_ae_title.strip(), site=node.site)
        _send_elements(association, message, message_id, failure(why, message.field))


def _responses(
    archive: Archive, ae_title: str, node: Node, caller: Caller, association: Association, message: Message
) -> Iterator[Response]:
    needed, service = SERVED[message.field]
    if SERVICES.get(message.context.abstract_syntax) != needed:
        raise Invalid(
            "this command does not belong to the SOP class of its context", status=SOP_CLASS_NOT_SUPPORTED
        )
    if needed not in node.may:
        raise Denied("this node is not registered for this service")
    yield from service(
        Request(
            archive,
            ae_title,
            node,
            caller,
            message.context,
            commands.as_dataset(message.command),
            message.identifier(),
            association,
            _cancelled(association, message),
        )
    )


def _cancelled(association: Association, message: Message) -> Callable[[], bool]:
    message_id = commands.number(message.command, "MessageID")
    return lambda: association.cancelled(message_id)


def _send(association: Association, message: Message, message_id: int, response: Response) -> None:
    elements = status_elements(response.status, response.comment)
    counts = response.sub_operations
    if counts is not None:
        if counts.remaining is not None:
            elements["NumberOfRemainingSuboperations"] = counts.remaining
        elements["NumberOfCompletedSuboperations"] = counts.completed
        elements["NumberOfFailedSuboperations"] = counts.failed
        elements["NumberOfWarningSuboperations"] = counts.warning
    data = None
    if response.identifier is not None:
        data = [encode_dataset(response.identifier, message.context.transfer_syntax)]
    _send_elements(association, message, message_id, elements, data)


def _send_elements(
    association: Association,
    message: Message,
    message_id: int,
    elements: Command,
    data: list[bytes] | None = None,
) -> None:
    response: Command = {
        "CommandField": message.field | RESPONSE,
        "MessageIDBeingRespondedTo": message_id,
        **_named(message),
        **elements,
    }
    association.send(message.context, response, data)


def _named(message: Message) -> Command:
    """What the response says it is about: N-ACTION names an instance and its action (PS3.7 10.3.5)."""
    command = message.command
    if message.field != N_ACTION:
        return {"AffectedSOPClassUID": message.context.abstract_syntax}
    pairs = (
        ("AffectedSOPClassUID", "RequestedSOPClassUID"),
        ("AffectedSOPInstanceUID", "RequestedSOPInstanceUID"),
        ("ActionTypeID", "ActionTypeID"),
    )
    return {answer: command[asked] for answer, asked in pairs if asked in command}
