"""The beginning of an association (PS3.8 9.3.2, 9.3.3): proposals read, answered and made.

pynetdicom's codecs read and write the PDUs, and its table decides the roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
)
from pynetdicom.presentation import PresentationContext, build_context, negotiate_as_acceptor

from dicom_node.contexts import accept_contexts, accepted_extension
from dicom_node.peers import Rejection
from dicom_node.services import Context
from dicom_node.upper_layer import INVALID_PARAMETER, Violation
from storage.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

MAX_PDU = 1 << 20
"""Bytes: the longest P-DATA-TF that we take, as we announce it (PS3.8 D.1)."""
SHORTEST_PDU = 8
"""Bytes: a fragment's head and the shortest fragment, since lengths are even."""
MAX_CONTEXTS = 128
"""Context IDs are odd and fit in one byte (PS3.8 9.3.2.2)."""
_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"


@dataclass(frozen=True)
class Proposal:
    """A presentation context to propose. `as_acceptor`: the other side shall be its user too (role selection)."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    as_acceptor: bool = False


@dataclass(frozen=True)
class Negotiated:
    """What both sides agreed on: contexts by ID, those that were not accepted, and the PDU length the peer takes."""

    contexts: dict[int, Context]
    rejected: dict[int, Context]
    longest_pdu: int
    answer: bytes = b""


def read_request(body: bytes) -> A_ASSOCIATE:
    """An A-ASSOCIATE-RQ after its head. Raises `Violation` for what is none."""
    try:
        pdu = A_ASSOCIATE_RQ()
        pdu.decode(b"\x01\x00" + len(body).to_bytes(4, "big") + _with_blanks(body))
        request = pdu.to_primitive()
        _require_complete(request)
    except Exception as why:  # the decoder raises many kinds, and each means the same to a peer
        raise Violation("a request for association that cannot be read", INVALID_PARAMETER) from why
    return request


def _with_blanks(body: bytes) -> bytes:
    """The two titles (PS3.8 Table 9-11) padded with blanks, where a device wrote the NULs of its C strings."""
    titles = slice(4, 36)
    return body[: titles.start] + body[titles].replace(b"\0", b" ") + body[titles.stop :]


def _require_complete(request: A_ASSOCIATE) -> None:
    if not request.calling_ae_title or not request.called_ae_title:
        raise ValueError("a title is missing")
    for context in request.presentation_context_definition_list:
        if context.context_id is None or not context.abstract_syntax or not context.transfer_syntax:
            raise ValueError("a presentation context is not complete")


def speaks_our_version(body: bytes) -> bool:
    """Bit 0 of the protocol version (PS3.8 Table 9-11)."""
    return bool(body[1] & 1) if len(body) > 1 else False


def accept(request: A_ASSOCIATE, may: Iterable[str]) -> Negotiated:
    """The answer to a request from a caller that may do these things (`storage.sites.MAY`)."""
    proposed = request.presentation_context_definition_list
    roles = _proposed_roles(request)
    decided, role_items = negotiate_as_acceptor(proposed, accept_contexts(proposed, may), roles)
    extensions = _extensions(request, decided)
    answer = A_ASSOCIATE()
    answer.application_context_name = UID(_APPLICATION_CONTEXT)
    answer.calling_ae_title, answer.called_ae_title = request.calling_ae_title, request.called_ae_title
    answer.result, answer.result_source = 0, 1
    answer.presentation_context_definition_results_list = decided
    answer.user_information = [*_who_we_are(), *role_items, *extensions.values()]
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(answer)
    told = {uid: bytes(item.service_class_application_information or b"") for uid, item in extensions.items()}
    return Negotiated(
        {_id(context): _ours(context, told) for context in decided if context.result == 0},
        {_id(context): _refused(context) for context in decided if context.result != 0},
        longest_pdu(request),
        pdu.encode(),
    )


def _proposed_roles(request: A_ASSOCIATE) -> dict[UID, tuple[bool | None, bool | None]]:
    items = (item for item in request.user_information if isinstance(item, SCP_SCU_RoleSelectionNegotiation))
    return {UID(str(item.sop_class_uid)): (item.scu_role, item.scp_role) for item in items}


def _extensions(
    request: A_ASSOCIATE, decided: Sequence[PresentationContext]
) -> dict[str, SOPClassExtendedNegotiation]:
    """What we support of what was asked for of the classes that were accepted (PS3.7 D.3.3.5.2)."""
    accepted = {str(context.abstract_syntax) for context in decided if context.result == 0}
    answers = {}
    for item in request.user_information:
        if isinstance(item, SOPClassExtendedNegotiation) and str(item.sop_class_uid) in accepted:
            uid = str(item.sop_class_uid)
            told = accepted_extension(uid, bytes(item.service_class_application_information or b""))
            if told:
                answers[uid] = SOPClassExtendedNegotiation()
                answers[uid].sop_class_uid = UID(uid)
                answers[uid].service_class_application_information = told
    return answers


def _id(context: PresentationContext) -> int:
    return int(context.context_id or 0)


def _ours(context: PresentationContext, extensions: dict[str, bytes]) -> Context:
    """pynetdicom tells the acceptor's roles: its SCP is the requestor's SCU."""
    abstract = str(context.abstract_syntax)
    return Context(
        _id(context),
        abstract,
        str(context.transfer_syntax[0]),
        as_requestor=bool(context.as_scp),
        as_acceptor=bool(context.as_scu),
        extended=extensions.get(abstract, b""),
    )


def _refused(context: PresentationContext) -> Context:
    return Context(_id(context), str(context.abstract_syntax), "", as_requestor=False)


def _who_we_are() -> list[Any]:
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    version = ImplementationVersionNameNotification()
    length.maximum_length_received = MAX_PDU
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return [length, implementation, version]


def longest_pdu(primitive: A_ASSOCIATE) -> int:
    """How long a P-DATA-TF the other side takes, in bytes; 0 means any length (PS3.8 D.1.1).

    Raises `Violation` where no fragment fits in.
    """
    for item in primitive.user_information:
        if isinstance(item, MaximumLengthNotification):
            length = max(0, int(item.maximum_length_received or 0))
            if 0 < length < SHORTEST_PDU:
                raise Violation(f"a peer that takes PDUs of {length} bytes", INVALID_PARAMETER)
            return length
    return 0


def reject(rejection: Rejection) -> bytes:
    """An A-ASSOCIATE-RJ."""
    answer = A_ASSOCIATE()
    answer.result, answer.result_source = rejection.result, rejection.source
    answer.diagnostic = rejection.reason
    pdu = A_ASSOCIATE_RJ()
    pdu.from_primitive(answer)
    encoded: bytes = pdu.encode()
    return encoded


def propose(own_title: str, peer_title: str, proposals: Sequence[Proposal]) -> bytes:
    """An A-ASSOCIATE-RQ; the contexts' IDs are 1, 3, 5 … in the order of `proposals`, at most `MAX_CONTEXTS`."""
    request = A_ASSOCIATE()
    request.application_context_name = UID(_APPLICATION_CONTEXT)
    request.calling_ae_title, request.called_ae_title = own_title, peer_title
    contexts = []
    for number, proposal in enumerate(proposals):
        context = build_context(proposal.abstract_syntax, list(proposal.transfer_syntaxes))
        context.context_id = 2 * number + 1
        contexts.append(context)
    request.presentation_context_definition_list = contexts
    swapped = dict.fromkeys(proposal.abstract_syntax for proposal in proposals if proposal.as_acceptor)
    request.user_information = [*_who_we_are(), *map(_both_roles, swapped)]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    encoded: bytes = pdu.encode()
    return encoded


def _both_roles(sop_class_uid: str) -> SCP_SCU_RoleSelectionNegotiation:
    item = SCP_SCU_RoleSelectionNegotiation()
    item.sop_class_uid = UID(sop_class_uid)
    item.scu_role, item.scp_role = True, True
    return item


def read_answer(body: bytes, proposals: Sequence[Proposal]) -> Negotiated:
    """An A-ASSOCIATE-AC after its head, to what `propose` proposed. Raises `Violation`."""
    try:
        pdu = A_ASSOCIATE_AC()
        pdu.decode(b"\x02\x00" + len(body).to_bytes(4, "big") + body)
        answer = pdu.to_primitive()
        roles = _proposed_roles(answer)
        contexts, rejected = {}, {}
        for result in answer.presentation_context_definition_results_list:
            number = _id(result)
            proposal = proposals[number // 2]
            if result.result != 0:
                rejected[number] = Context(number, proposal.abstract_syntax, "", as_requestor=False)
                continue
            as_user, as_provider = roles.get(UID(proposal.abstract_syntax), (True, False))
            syntax = str(result.transfer_syntax[0])
            contexts[number] = Context(
                number,
                proposal.abstract_syntax,
                syntax,
                as_requestor=as_user is not False,
                as_acceptor=bool(as_provider),
            )
        return Negotiated(contexts, rejected, longest_pdu(answer))
    except Exception as why:  # the decoder raises many kinds
        raise Violation(
            "an answer to a request for association that cannot be read", INVALID_PARAMETER
        ) from why


def read_rejection(body: bytes) -> Rejection:
    """An A-ASSOCIATE-RJ after its head, with its reason in words."""
    pdu = A_ASSOCIATE_RJ()
    try:
        pdu.decode(b"\x03\x00" + len(body).to_bytes(4, "big") + body)
        words = str(pdu.reason_str).lower()
    except Exception:  # values out of the table
        return Rejection(1, 1, 1, "for no reason that the standard knows")
    return Rejection(pdu.result or 1, pdu.source or 1, pdu.reason_diagnostic or 1, words)
