"""Submitting and signing: the moment a text becomes a version, and a final version becomes documents.

A signature is prepared outside any transaction (typesetting takes its time) and committed in one: report version,
SR and PDF as instances of the study, the request's state, the deliveries. If the request moved in between, nothing
happens.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom import FileDataset, dcmwrite
from sqlalchemy import Connection, insert

from storage import audit
from storage.archive import Archive
from storage.errors import Conflict, Denied, Unavailable
from storage.ingest import Prepared, Sender, keep_document, record
from storage.locks import Lock, serialize
from storage.part10 import inspect_file
from storage.sites import nodes_receiving
from worklist.commands import Order, perform, require_evidence_seen, require_rule, require_signable
from worklist.delivery import enqueue
from worklist.people import Person, check_password
from worklist.reports.compose import PictureOf, SignedVersion, compose, require_own_images
from worklist.reports.content import require_complete
from worklist.reports.documents.encapsulated import report_encapsulated_pdf
from worklist.reports.documents.pdf import report_pdf
from worklist.reports.documents.sr import report_sr
from worklist.reports.documents.uids import document_series_uid, document_uid
from worklist.reports.drafts import Draft, current
from worklist.reports.versions import next_version, write_version
from worklist.requests import Request, load_visible
from worklist.tables import document

_SERIES_NUMBER = {"sr": 9001, "pdf": 9002}


@dataclass(frozen=True)
class Signature:
    """What the signer sends along."""

    order: Order
    draft_version: int
    password: str


def submit_report(
    archive: Archive, person: Person, request_id: int, order: Order, draft_version: int
) -> Request:
    """The author's text becomes an immutable SUBMITTED version and the request goes to review."""
    with archive.database.write() as connection:
        found = load_visible(connection, person, request_id, lock_study=True)
        require_rule(person, found, order)
        content = _draft_to_sign(connection, found, draft_version).content
        after = perform(connection, person, found, order)
        values = next_version(connection, after, person, "SUBMITTED", content, "SUBMIT")
        write_version(connection, found.id, values)
        return after


def sign(
    archive: Archive, person: Person, request_id: int, signature: Signature, picture_of: PictureOf
) -> Request:
    """Sign finally. `picture_of` renders a key image as JPEG.

    Raises `Denied` ``WRONG_PASSWORD``, and whatever `perform` raises for the command; then nothing has changed.
    """
    with archive.database.read() as connection:
        require_rule(person, load_visible(connection, person, request_id), signature.order)
    _reauthenticate(archive, person, request_id, signature.password)
    with archive.database.read() as connection:
        found = load_visible(connection, person, request_id)
        require_rule(person, found, signature.order)
        require_signable(person, found)
        content = _draft_to_sign(connection, found, signature.draft_version).content
        values = next_version(
            connection, _as_signed(found, person), person, "FINAL", content, "PASSWORD_REAUTH"
        )
    signed = SignedVersion(found, person, values)
    kept = _keep_documents(archive, signed, picture_of)
    try:
        return _commit(archive, person, signed, signature, kept)
    except (Conflict, Denied):  # and no other: a commit that was not answered may have happened
        _drop(archive, kept)
        raise


def _drop(archive: Archive, kept: dict[str, Prepared]) -> None:
    """Documents of a signature that did not happen; an index made again from the blobs must not find them."""
    for one in kept.values():
        with suppress(Unavailable):
            archive.blobs.delete(one.blob_key)


def _reauthenticate(archive: Archive, person: Person, request_id: int, password: str) -> None:
    """The signer's own password, counted apart from sign-ins: a stranger's guesses must not stop a signature."""
    if check_password(archive.database, person.username, password, "signing") == person.id:
        return
    act = audit.Act(
        "sign",
        "request",
        str(request_id),
        actor=person.username,
        address=person.address,
        outcome="WRONG_PASSWORD",
    )
    with archive.database.write() as connection:
        audit.append(connection, act)
    raise Denied("the password is wrong: nothing was signed", code="WRONG_PASSWORD")


def _draft_to_sign(connection: Connection, found: Request, draft_version: int) -> Draft:
    draft = current(connection, found.id)
    if draft.version != draft_version:
        raise Conflict(
            "the draft was saved again since: look at it first",
            code="VERSION_CONFLICT",
            current={"version": draft.version, "content": draft.content, "saved_by": draft.saved_by},
        )
    require_complete(draft.content)
    require_own_images(connection, found, draft.content)
    return draft


def _as_signed(found: Request, person: Person) -> Request:
    """Under SINGLE the signer is the author."""
    return found if found.author else Request(**{**found.__dict__, "author": person.id})


def _keep_documents(archive: Archive, signed: SignedVersion, picture_of: PictureOf) -> dict[str, Prepared]:
    composed = compose(archive, signed, picture_of)
    pdf = report_pdf(composed.document)
    objects = {
        "sr": report_sr(composed.document, composed.study_header, **_uids(signed, "sr")),
        "pdf": report_encapsulated_pdf(composed.document, pdf, composed.study_header, **_uids(signed, "pdf")),
    }
    sender = Sender(composed.site, "FARLIGHT", issuer=composed.issuer)
    return {name: _keep(archive, dataset, sender) for name, dataset in objects.items()}


def _uids(signed: SignedVersion, format_name: str) -> dict[str, Any]:
    report_id, n = signed.values["report"], signed.values["n"]
    return {
        "sop_instance_uid": document_uid(report_id, n, format_name),
        "series_instance_uid": document_series_uid(report_id, format_name),
        "series_number": _SERIES_NUMBER[format_name],
        "instance_number": n,
    }


def _keep(archive: Archive, dataset: FileDataset, sender: Sender) -> Prepared:
    out = BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    buffer = out.getvalue()
    info = inspect_file(buffer)
    return keep_document(archive, buffer[info.dataset_offset :], info.transfer_syntax_uid, sender)


def _commit(
    archive: Archive,
    person: Person,
    signed: SignedVersion,
    signature: Signature,
    kept: dict[str, Prepared],
) -> Request:
    with archive.database.write() as connection:
        serialize(connection, Lock.CHANGES)  # the documents will be announced
        found = load_visible(connection, person, signed.request.id, lock_study=True)
        if (found.version, found.study_epoch) != (signed.request.version, signed.request.study_epoch):
            require_evidence_seen(found)
            raise Conflict(
                "the request changed while it was being signed: look again", code="VERSION_CONFLICT"
            )
        _draft_to_sign(connection, found, signature.draft_version)
        version_id = write_version(connection, found.id, signed.values)
        documents = {
            name: _record_document(archive, connection, version_id, name, one) for name, one in kept.items()
        }
        after = perform(connection, person, found, signature.order)
        enqueue(connection, found.id, documents, nodes_receiving(connection, found.owner_site))
        return after


def _record_document(
    archive: Archive, connection: Connection, version_id: int, format_name: str, one: Prepared
) -> int:
    record(archive.database, connection, one)
    values = {
        "report_version": version_id,
        "format": format_name,
        "site": one.sender.site,
        "sop_instance_uid": one.header.sop_instance_uid,
        "sha256": one.blob.sha256,
    }
    return int(connection.execute(insert(document).values(**values).returning(document.c.id)).scalar_one())
