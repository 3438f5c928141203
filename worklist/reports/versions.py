"""Report versions: immutable, each chained to the one before by its hash."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from storage.errors import NotFound
from storage.tables import instance, patient, series, study
from worklist.people import Person
from worklist.reports.content import Content, canonical_hash
from worklist.requests import Request
from worklist.tables import document, report, report_version, request, user

RELEASED = ("FINAL",)
"""Kinds that a requester may see (I6)."""


@dataclass(frozen=True)
class Version:
    """One version as it was written down; `evidence` says what was read, of whom, and by whom."""

    id: int
    report: str
    n: int
    kind: str
    content: Content
    author: int
    signer: int
    licence_no: str
    signed_at: datetime
    method: str
    evidence: dict[str, Any]
    content_hash: str
    evidence_hash: str
    prev_hash: str
    hash: str

    def fingerprint(self) -> str:
        """The hash over everything that was signed."""
        return _fingerprint(self.__dict__)


def next_version(
    connection: Connection, found: Request, person: Person, kind: str, content: Content, method: str
) -> dict[str, Any]:
    """The values of the version that would come next, complete with its hashes, not yet written."""
    report_id = connection.execute(select(report.c.id).where(report.c.request == found.id)).scalar()
    last = latest(connection, report_id) if report_id else None
    evidence = _evidence(connection, found, {"author": found.author or person.id, "signer": person.id})
    values: dict[str, Any] = {
        "report": report_id or str(uuid.uuid4()),
        "n": last.n + 1 if last else 1,
        "kind": kind,
        "content": content,
        "author": found.author or person.id,
        "signer": person.id,
        "licence_no": person.licence_no,
        "signed_at": datetime.now(UTC).replace(microsecond=0),
        "method": method,
        "evidence": evidence,
        "content_hash": canonical_hash(content),
        "evidence_hash": canonical_hash(evidence),
        "prev_hash": last.hash if last else "",
    }
    return {**values, "hash": _fingerprint(values)}


def write_version(connection: Connection, request_id: int, values: dict[str, Any]) -> int:
    """Write a version down, its report with it if it is the first; returns its row number."""
    if values["n"] == 1:
        now = datetime.now(UTC)
        connection.execute(insert(report).values(id=values["report"], request=request_id, created_at=now))
    inserted = insert(report_version).values(**values).returning(report_version.c.id)
    return int(connection.execute(inserted).scalar_one())


def versions(connection: Connection, report_id: str) -> list[Version]:
    """All versions of a report, the first first."""
    query = select(report_version).where(report_version.c.report == report_id).order_by(report_version.c.n)
    return [Version(**row._mapping) for row in connection.execute(query)]


def latest(connection: Connection, report_id: str) -> Version | None:
    """The newest version of any kind."""
    query = select(report_version).where(report_version.c.report == report_id)
    row = connection.execute(query.order_by(report_version.c.n.desc()).limit(1)).one_or_none()
    return Version(**row._mapping) if row else None


def get_version(connection: Connection, report_id: str, n: int) -> Version:
    """Raises `NotFound`."""
    where = (report_version.c.report == report_id, report_version.c.n == n)
    row = connection.execute(select(report_version).where(*where)).one_or_none()
    if row is None:
        raise NotFound(f"report {report_id} has no version {n}")
    return Version(**row._mapping)


@dataclass(frozen=True)
class Finding:
    """What verification found of one version; `problem` is empty if it is intact."""

    n: int
    problem: str

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.problem


def verify(connection: Connection, report_id: str) -> list[Finding]:
    """Compute every hash anew and follow the chain."""
    findings, prev_hash = [], ""
    about = connection.execute(select(report.c.request).where(report.c.id == report_id)).scalar()
    for expected_n, version in enumerate(versions(connection, report_id), start=1):
        problem = _problem(version, expected_n, prev_hash) or _moved(connection, version, about)
        findings.append(Finding(version.n, problem))
        prev_hash = version.hash
    return findings + _missing_end(connection, about, findings)


def _missing_end(connection: Connection, about: int | None, findings: list[Finding]) -> list[Finding]:
    """A request is REPORTED if and only if its report ends in a released version (I7)."""
    query = select(request.c.state, report_version.c.kind, report_version.c.n).where(request.c.id == about)
    joined = query.join(report, report.c.request == request.c.id).join(
        report_version, report_version.c.report == report.c.id, isouter=True
    )
    last = connection.execute(joined.order_by(report_version.c.n.desc()).limit(1)).one_or_none()
    if last is None or last.state != "REPORTED" or last.kind in RELEASED:
        return []
    return [Finding(len(findings) + 1, "the signed version is missing")]


def _moved(connection: Connection, version: Version, about: int | None) -> str:
    """What the signature says against where the version and its documents are now."""
    if version.evidence.get("request") != about:
        return "it was signed for another request"
    query = (
        select(document.c.format)
        .outerjoin(
            instance,
            (instance.c.site == document.c.site)
            & (instance.c.sop_instance_uid == document.c.sop_instance_uid),
        )
        .where(
            document.c.report_version == version.id,
            instance.c.sha256.is_(None) | (instance.c.sha256 != document.c.sha256),
        )
    )
    other = connection.execute(query).scalars().first()
    return f"its {other} is not the one that was made when it was signed" if other else ""


def _problem(version: Version, expected_n: int, prev_hash: str) -> str:
    if version.n != expected_n:
        return f"version {expected_n} is missing"
    if canonical_hash(version.content) != version.content_hash:
        return "the content was changed after it was signed"
    if canonical_hash(version.evidence) != version.evidence_hash:
        return "the evidence was changed after it was signed"
    if version.prev_hash != prev_hash:
        return "it does not follow on the version before"
    return (
        ""
        if version.fingerprint() == version.hash
        else "the signature's data were changed after it was signed"
    )


def _fingerprint(values: dict[str, Any]) -> str:
    signed = {key: values[key] for key in _SIGNED}
    signed["signed_at"] = values["signed_at"].astimezone(UTC).isoformat()
    return canonical_hash(signed)


_SIGNED = (
    *("report", "n", "kind", "content_hash", "evidence_hash", "prev_hash"),
    *("author", "signer", "licence_no", "signed_at", "method"),
)


def _evidence(connection: Connection, found: Request, people: dict[str, int]) -> dict[str, Any]:
    """What was read, of whom, and by whom: the study's received instances, each with its hash, as they are now."""
    subject = connection.execute(
        select(study.c.site, study.c.study_instance_uid, *_PATIENT)
        .join(patient, patient.c.id == study.c.patient)
        .where(study.c.id == found.study)
    ).one()
    query = (
        select(instance.c.sop_instance_uid, instance.c.sha256)
        .join(series, series.c.id == instance.c.series)
        .where(series.c.study == found.study, instance.c.origin == "received", instance.c.rejection.is_(None))
        .order_by(instance.c.sop_instance_uid)
    )
    return {
        "request": found.id,
        "subject": dict(subject._mapping),
        "people": {role: _named(connection, user_id) for role, user_id in people.items()},
        "epoch": found.study_epoch,
        "instances": {row.sop_instance_uid: row.sha256 for row in connection.execute(query)},
    }


_PATIENT = [
    patient.c[name] for name in ("issuer", "patient_id", "patient_name", "patient_birth_date", "patient_sex")
]


def _named(connection: Connection, user_id: int) -> dict[str, str]:
    columns = [user.c[name] for name in ("username", "name", "name_zh", "licence_no")]
    return dict(connection.execute(select(*columns).where(user.c.id == user_id)).one()._mapping)
