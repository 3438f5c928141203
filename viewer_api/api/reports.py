"""Report versions: as JSON, as PDF, as DICOM SR; and the check of their chain."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from sqlalchemy import Connection, select

from storage import audit
from storage.errors import Corrupt, NotFound
from storage.header import decode_header
from storage.retrieve import first_instance, read_dataset_bytes, read_file
from storage.tables import instance
from viewer_api.access import Caller, caller
from viewer_api.api.shapes import version_shape
from worklist import history
from worklist.people import Person
from worklist.reports.versions import RELEASED, Version, get_version, verify
from worklist.requests import Request, load_visible, sees_drafts
from worklist.tables import document, report

router = APIRouter()
Calling = Annotated[Caller, Depends(caller)]
VersionNumber = Annotated[int, Path(ge=1, le=2**31)]


@router.get("/reports/{report_id}")
def read_report(calling: Calling, report_id: str) -> dict[str, Any]:
    """A report's versions that the caller may see."""
    with calling.archive.database.read() as connection:
        found = _request_of(connection, calling.person, report_id)
        lines = history.version_lines(connection, calling.person, found)
    if not lines:
        raise NotFound(f"there is no report {report_id}")
    return {"id": report_id, "request_id": found.id, "versions": [version_shape(line) for line in lines]}


@router.get("/reports/{report_id}/verification")
def verification(calling: Calling, report_id: str) -> dict[str, Any]:
    """Compute the hash chain anew and name the version that does not fit."""
    with calling.archive.database.read() as connection:
        found = _request_of(connection, calling.person, report_id)
        findings = verify(connection, report_id)
        visible = {line.n for line in history.version_lines(connection, calling.person, found)}
    lines = [
        {"n": f.n, "intact": f.intact, "problem": f.problem} for f in findings if f.n in visible or f.problem
    ]
    return {"intact": bool(findings) and all(f.intact for f in findings), "versions": lines}


@router.get("/reports/{report_id}/versions/{n}.json")
def version_json(calling: Calling, report_id: str, n: VersionNumber) -> dict[str, Any]:
    """One version with its content and hashes."""
    with calling.archive.database.read() as connection:
        version = _visible_version(connection, calling.person, report_id, n)
        found = _request_of(connection, calling.person, report_id)
        line = next(v for v in history.version_lines(connection, calling.person, found) if v.n == n)
    _note_opening(calling, version, "json")
    return {
        **version_shape(line),
        "content": version.content,
        "method": version.method,
        "licence_no": version.licence_no,
        "hash": version.hash,
        "prev_hash": version.prev_hash,
        "evidence_hash": version.evidence_hash,
        "evidence": version.evidence,
    }


@router.get("/reports/{report_id}/versions/{n}.pdf", response_class=Response)
def version_pdf(calling: Calling, report_id: str, n: VersionNumber) -> Response:
    """The version on paper, as it was signed."""
    with calling.archive.database.read() as connection:
        version = _visible_version(connection, calling.person, report_id, n)
        found = _document(connection, version, "pdf")
    _note_opening(calling, version, "pdf")
    dataset = decode_header(read_dataset_bytes(calling.archive, found), found.transfer_syntax_uid)
    pdf = bytes(dataset.EncapsulatedDocument).rstrip(b"\0")
    disposition = f'inline; filename="report-{found.sop_instance_uid}.pdf"'
    return Response(pdf, media_type="application/pdf", headers={"content-disposition": disposition})


@router.get("/reports/{report_id}/versions/{n}.dcm", response_class=Response)
def version_sr(calling: Calling, report_id: str, n: VersionNumber) -> Response:
    """The version as a DICOM Basic Text SR."""
    with calling.archive.database.read() as connection:
        version = _visible_version(connection, calling.person, report_id, n)
        found = _document(connection, version, "sr")
    _note_opening(calling, version, "sr")
    disposition = f'attachment; filename="report-{found.sop_instance_uid}.dcm"'
    headers = {"content-disposition": disposition}
    return Response(read_file(calling.archive, found), media_type="application/dicom", headers=headers)


def _note_opening(calling: Caller, version: Version, form: str) -> None:
    """Who opened which version, in what form, goes into the record."""
    person = calling.person
    act = audit.Act(
        action="open-report",
        object_type="report",
        object_id=f"{version.report}/{version.n}",
        actor=person.username,
        role=",".join(sorted({m.role.value for m in person.memberships}))[:64],
        address=person.address,
        detail={"form": form},
    )
    with calling.archive.database.write() as connection:
        audit.append(connection, act)


def _request_of(connection: Connection, person: Person, report_id: str) -> Request:
    request_id = connection.execute(select(report.c.request).where(report.c.id == report_id)).scalar()
    if request_id is None:
        raise NotFound(f"there is no report {report_id[:36]}")
    return load_visible(connection, person, request_id)


def _visible_version(connection: Connection, person: Person, report_id: str, n: int) -> Version:
    found = _request_of(connection, person, report_id)
    version = get_version(connection, report_id, n)
    if version.kind not in RELEASED and not sees_drafts(person, found):
        raise NotFound(f"report {report_id} has no version {n}")
    return version


def _document(connection: Connection, version: Version, format_name: str) -> Any:
    where = (document.c.report_version == version.id, document.c.format == format_name)
    row = connection.execute(select(document).where(*where)).one_or_none()
    if row is None:
        raise NotFound(f"version {version.n} was not released and has no document")
    found = first_instance(
        connection, instance.c.site == row.site, instance.c.sop_instance_uid == row.sop_instance_uid
    )
    if found is None:
        raise Corrupt(f"the {format_name} of version {version.n} is not in the archive")
    return found
