"""Rows and their parts in the JSON of docs/http-api.md."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from storage.completeness import Count
from viewer_api.moments import iso
from worklist.history import DeliveryLine, Event, VersionLine
from worklist.listing import LastEvent, PersonRef, ReportRef, Row
from worklist.people import Person

Shape = dict[str, Any]


def request_row(row: Row, person: Person) -> Shape:
    """One line of the worklist."""
    found = row.request
    return {
        "id": found.id,
        "version": found.version,
        "state": found.state.value,
        "mode": found.mode.value,
        "kind": found.kind,
        "priority": found.priority.value,
        "sign_policy": found.sign_policy.value,
        "rework": found.rework,
        "cancel_requested": found.cancel_requested,
        "stage": found.stage.value,
        "requester": asdict(row.requester),
        "reader": asdict(row.reader),
        "patient": _patient(row),
        "study": _study(row),
        "evidence_epoch": found.evidence_epoch,
        "new_images": found.study_epoch - found.evidence_epoch,
        "holder": _holder(row, person),
        "author": person_shape(row.author),
        "reviewer": person_shape(row.reviewer),
        "assigned_to": person_shape(row.assigned_to),
        "last_event": _last_event(row.last_event),
        "submitted_at": iso(found.submitted_at),
        "due_at": iso(found.due_at),
        "created_at": iso(found.created_at),
        "updated_at": iso(found.updated_at),
        "report": _report(row.report),
        "allowed_commands": [command.value for command in row.allowed_commands],
    }


def person_shape(who: PersonRef | None) -> Shape | None:
    """A person's names."""
    return asdict(who) if who else None


def event_shape(event: Event) -> Shape:
    """One event of a request's history."""
    return {
        "id": event.id,
        "at": iso(event.at),
        "command": event.command,
        "from_state": event.from_state,
        "to_state": event.to_state,
        "actor_name": event.actor.name if event.actor else "",
        "actor_name_zh": event.actor.name_zh if event.actor else "",
        "role": event.role,
        "reason_code": event.reason_code,
        "reason_text": event.reason_text,
    }


def delivery_shape(line: DeliveryLine) -> Shape:
    """One document on its way."""
    values = asdict(line)
    return {**values, "next_attempt_at": iso(line.next_attempt_at), "delivered_at": iso(line.delivered_at)}


def version_shape(line: VersionLine) -> Shape:
    """One report version, without its text."""
    return {
        "report_id": line.report_id,
        "n": line.n,
        "kind": line.kind,
        "signed_at": iso(line.signed_at),
        "author_name": line.author.name,
        "author_name_zh": line.author.name_zh,
        "signer_name": line.signer.name,
        "signer_name_zh": line.signer.name_zh,
        "content_hash": line.content_hash,
        "positivity": line.positivity,
    }


def _patient(row: Row) -> Shape:
    return {
        "patient_id": row.patient_id,
        "issuer": row.issuer,
        "name": asdict(row.patient_name),
        "sex": row.patient_sex,
        "birth_date": row.patient_birth_date,
        "age": row.patient_age,
    }


def _study(row: Row) -> Shape:
    return {
        "site": row.study_site,
        "study_instance_uid": row.study_instance_uid,
        "study_date": row.study_date,
        "study_time": row.study_time,
        "description": row.study_description,
        "accession_number": row.accession_number,
        "modalities": list(row.modalities),
        "series_count": row.series_count,
        "instance_count": row.instance_count,
        "epoch": row.request.study_epoch,
        "completeness": completeness_shape(row.completeness),
    }


def completeness_shape(count: Count) -> Shape:
    """N of M, and why."""
    evidence = [{**asdict(one), "at": iso(one.at)} for one in count.evidence]
    return {**asdict(count), "state": count.state.value, "evidence": evidence}


def _holder(row: Row, person: Person) -> Shape | None:
    if row.holder is None:
        return None
    return {
        **asdict(row.holder),
        "since": iso(row.request.claimed_at),
        "lease_until": iso(row.request.lease_until),
        "mine": row.holder.user_id == person.id,
    }


def _last_event(event: LastEvent | None) -> Shape | None:
    if event is None:
        return None
    return {
        "command": event.command,
        "at": iso(event.at),
        "actor_name": event.actor.name if event.actor else "",
        "actor_name_zh": event.actor.name_zh if event.actor else "",
        "reason_code": event.reason_code,
        "reason_text": event.reason_text,
    }


def _report(found: ReportRef | None) -> Shape | None:
    return {**asdict(found), "signed_at": iso(found.signed_at)} if found else None
