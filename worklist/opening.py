"""Opening read requests: by themselves under an agreement, or by a person of the asking hospital."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from storage import audit
from storage.database import Database, insert_new
from storage.errors import Conflict, Denied, Invalid, NotFound
from storage.locks import Lock, serialize
from storage.tables import study
from worklist import clock
from worklist.agreements import Agreement, Priority, Service, require_agreement
from worklist.people import Person
from worklist.requests import Request, load
from worklist.roles import Role
from worklist.tables import request, request_event
from worklist.transitions import OPEN, State

CLINICAL_FIELDS = ("history", "purpose", "diagnosis", "encounter_class", "phone")
_SENDERS = frozenset({Role.TECHNICIAN, Role.REFERRING_DOCTOR})


def open_by_itself(
    database: Database, connection: Connection, study_row: Any, agreed: Agreement
) -> int | None:
    """A quiet study opens its request under `agreed`; once, whoever else tries. The new row number or None."""
    now = datetime.now(UTC)
    opened = database.insert_ignoring(
        connection,
        request,
        **_new_values(study_row, agreed, agreed.priority, now),
        opened_for=f"{study_row.id}:{agreed.reader}:{agreed.service}",
        state=State.QUEUED.value,
        submitted_at=now,
        clinical=dict.fromkeys(CLINICAL_FIELDS, ""),
        **clock.start(agreed.priority, now),
    )
    if not opened:
        return None
    key = f"{study_row.id}:{agreed.reader}:{agreed.service}"
    request_id: int = connection.execute(select(request.c.id).where(request.c.opened_for == key)).scalar_one()
    _write_opening(connection, load(connection, request_id), None, "submit")
    return request_id


def open_by_person(
    connection: Connection,
    person: Person,
    site: str,
    study_instance_uid: str,
    reader: str,
    service: Service,
    priority: Priority,
    clinical: dict[str, Any],
) -> Request:
    """A DRAFT, to be submitted. Raises `Denied`, `NotFound`, `Invalid`, or `Conflict` if one is open already."""
    if not person.roles_at(site) & _SENDERS:
        raise Denied("requests are opened by a technician or referring doctor of the hospital that asks")
    if service is Service.CONSULT:
        raise Invalid(
            "service CONSULT asks for an opinion; a read request is READ or REVIEW_ONLY", field="service"
        )
    where = (study.c.site == site, study.c.study_instance_uid == study_instance_uid)
    study_row = connection.execute(select(study).where(*where)).one_or_none()
    if study_row is None:
        raise NotFound(f"{site} has sent no study {study_instance_uid}")
    agreed = require_agreement(connection, site, reader, service)
    _require_none_open(connection, study_row.id)
    values = _new_values(study_row, agreed, priority, datetime.now(UTC))
    values |= {"state": State.DRAFT.value, "clinical": checked_clinical(clinical)}
    request_id = insert_new(connection, request, **values)
    if request_id is None:
        _require_none_open(connection, study_row.id)  # somebody was faster by the time of a transaction
        raise Conflict("a request for this study was opened and ended just now: look again")
    opened = load(connection, request_id)
    _write_opening(connection, opened, person, "create")
    return opened


def checked_clinical(value: dict[str, Any]) -> dict[str, str]:
    """The clinical part with every field there. Raises `Invalid`, naming the field."""
    if unknown := sorted(set(value) - set(CLINICAL_FIELDS)):
        raise Invalid(f"clinical.{unknown[0]!a} is not a field of a request", field="clinical")
    for name, text in value.items():
        if not isinstance(text, str) or len(text) > 4000:
            raise Invalid(f"clinical.{name} is a text of at most 4000 characters", field=f"clinical.{name}")
    return {name: value.get(name, "") for name in CLINICAL_FIELDS}


def _require_none_open(connection: Connection, study_row: int) -> None:
    where = (request.c.study == study_row, request.c.state.in_([state.value for state in OPEN]))
    found = connection.execute(select(request.c.id).where(*where)).scalar()
    if found is not None:
        raise Conflict(
            f"request {found} is open for this study already", code="DUPLICATE_REQUEST", request_id=found
        )


def _new_values(study_row: Any, agreed: Agreement, priority: Priority, now: datetime) -> dict[str, Any]:
    read_site = agreed.requester if agreed.service is Service.REVIEW_ONLY else agreed.reader
    return {
        "study": study_row.id,
        "owner_site": agreed.requester,
        "reader_site": agreed.reader,
        "read_site": read_site,
        "review_site": agreed.reader,
        "mode": agreed.service.value,
        "kind": "READ",
        "priority": priority.value,
        "sign_policy": agreed.sign_policy.value,
        "rework": False,
        "cancel_requested": False,
        "evidence_epoch": study_row.epoch,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def _write_opening(connection: Connection, opened: Request, person: Person | None, command: str) -> None:
    role = "" if person is None else ",".join(sorted(person.roles_at(opened.owner_site)))[:32]
    serialize(connection, Lock.REQUEST_EVENTS)
    connection.execute(
        insert(request_event).values(
            request=opened.id,
            version=opened.version,
            at=opened.created_at,
            command=command,
            from_state=State.DRAFT.value,
            to_state=opened.state.value,
            actor=person.id if person else None,
            role=role or "system",
            reason_code="",
            reason_text="",
        )
    )
    audit.append(
        connection,
        audit.Act(
            action=command,
            object_type="request",
            object_id=str(opened.id),
            actor=person.username if person else "system",
            role=role or "system",
            site=opened.owner_site,
            address=person.address if person else "",
            detail={"to": opened.state.value, "study": opened.study},
        ),
    )
