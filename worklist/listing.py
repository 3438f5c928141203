"""The worklist as people see it: rows, views and their counts, one statement each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from storage.completeness import Count
from storage.identity import PersonName
from storage.tables import patient, site, study
from storage.text import search_form
from worklist.agreements import Priority
from worklist.completeness import of_studies
from worklist.people import Person
from worklist.reports.versions import RELEASED
from worklist.requests import Request, allowed_commands, from_row, sees_drafts, visible_to
from worklist.roles import READERS, Role
from worklist.tables import report, report_version, request, request_event, user
from worklist.transitions import BETWEEN_READERS, OVER, Command, State

MAX_ROWS = 500
_OVER = [state.value for state in OVER]


class View(StrEnum):
    """The tabs of the worklist."""

    QUEUE = "queue"
    REVIEW = "review"
    MINE = "mine"
    SENT = "sent"
    RETURNED = "returned"
    DONE = "done"
    OPEN = "open"


@dataclass(frozen=True)
class Filters:
    """What narrows a view; empty means any."""

    view: View = View.OPEN
    site: str = ""
    modality: str = ""
    priority: Priority | None = None
    text: str = ""


@dataclass(frozen=True)
class PersonRef:
    """A person as a row names one."""

    user_id: int
    name: str
    name_zh: str


@dataclass(frozen=True)
class SiteRef:
    """A hospital as a row names one."""

    site: str
    name: str
    name_zh: str


@dataclass(frozen=True)
class LastEvent:
    """What was done last, and why."""

    command: str
    at: datetime
    actor: PersonRef | None
    reason_code: str
    reason_text: str


@dataclass(frozen=True)
class ReportRef:
    """The report a row leads to."""

    id: str
    latest_version: int
    kind: str
    positivity: str | None
    signed_at: datetime


@dataclass(frozen=True)
class Row:
    """One line of the worklist, complete."""

    request: Request
    requester: SiteRef
    reader: SiteRef
    patient_id: str
    issuer: str
    patient_name: PersonName
    patient_sex: str
    patient_birth_date: str
    patient_age: str
    study_site: str
    study_instance_uid: str
    study_date: str
    study_time: str
    study_description: str
    accession_number: str
    modalities: tuple[str, ...]
    series_count: int
    instance_count: int
    completeness: Count
    holder: PersonRef | None
    author: PersonRef | None
    reviewer: PersonRef | None
    assigned_to: PersonRef | None
    last_event: LastEvent | None
    report: ReportRef | None
    allowed_commands: tuple[Command, ...]


def rows(connection: Connection, person: Person, filters: Filters, limit: int, offset: int) -> list[Row]:
    """A page of a view: overdue first, then by priority, due time, submission."""
    query = _query().where(*_conditions(person, filters)).order_by(*_order())
    found = connection.execute(query.limit(min(limit, MAX_ROWS)).offset(offset)).mappings().all()
    return _complete(connection, person, found)


def row_of(connection: Connection, person: Person, found: Request) -> Row:
    """The one row of a request that was loaded as visible."""
    one = connection.execute(_query().where(request.c.id == found.id)).mappings().all()
    return _complete(connection, person, one)[0]


def total(connection: Connection, person: Person, filters: Filters) -> int:
    """How many rows the filtered view has."""
    query = select(func.count()).select_from(_joined()).where(*_conditions(person, filters))
    return connection.execute(query).scalar_one()


def counts(connection: Connection, person: Person) -> dict[str, int]:
    """How many rows each view has, in one statement."""
    columns = [
        func.count(case((_VIEWS[view](person), 1))).label(view.value)  # count() passes over nulls
        for view in View
    ]
    row = connection.execute(select(*columns).where(visible_to(person))).one()
    return dict(row._mapping)


def _joined() -> Any:
    return request.join(study, study.c.id == request.c.study).join(patient, patient.c.id == study.c.patient)


def _query() -> Select[Any]:
    study_columns = [
        study.c[name]
        for name in (
            "study_instance_uid",
            "study_date",
            "study_time",
            "study_description",
            "accession_number",
            "received_modalities",
            "received_series",
            "received_instances",
            "attributes",
        )
    ]
    patient_columns = [
        patient.c[name]
        for name in ("patient_id", "issuer", "patient_name", "patient_sex", "patient_birth_date")
    ]
    labelled = [study.c.epoch.label("study_epoch"), study.c.site.label("study_site")]
    return select(request, *labelled, *study_columns, *patient_columns).select_from(_joined())


def _order() -> list[Any]:
    ranks = {priority.value: rank for rank, priority in enumerate(Priority)}
    overdue = and_(request.c.due_at < datetime.now(UTC), request.c.state.not_in(_OVER))
    over = request.c.state.in_(_OVER)
    return [
        case((over, 1), else_=0),
        case((overdue, 0), else_=1),
        case(ranks, value=request.c.priority, else_=9),
        case((request.c.due_at.is_(None), 1), else_=0),
        # what is over is read newest first, what is open most pressing first
        case((over, None), else_=request.c.due_at),
        case((over, request.c.updated_at), else_=None).desc(),
        request.c.id,
    ]


def _conditions(person: Person, filters: Filters) -> list[ColumnElement[bool]]:
    conditions = [visible_to(person), _VIEWS[filters.view](person)]
    if filters.site:
        conditions.append(request.c.owner_site == filters.site)
    if filters.priority:
        conditions.append(request.c.priority == filters.priority.value)
    if filters.modality:
        wrapped = "\\" + study.c.received_modalities + "\\"
        conditions.append(wrapped.contains(f"\\{filters.modality}\\", autoescape=True))
    if filters.text.strip():
        conditions.append(_text_condition(filters.text))
    return conditions


def _text_condition(text: str) -> ColumnElement[bool]:
    """One box: name, patient ID, accession number, description; every word must be found somewhere."""
    words = []
    for word in search_form(text).split():
        columns = (patient.c.patient_id, study.c.accession_number, study.c.study_description)
        anywhere = [func.lower(column).contains(word, autoescape=True) for column in columns]
        words.append(or_(patient.c.name_search.contains(word, autoescape=True), *anywhere))
    return and_(*words)


# -- views ---------------------------------------------------------------------------------------


def _state_in(*states: State) -> ColumnElement[bool]:
    return request.c.state.in_([state.value for state in states])


def _queue(person: Person) -> ColumnElement[bool]:
    return and_(_state_in(State.QUEUED), request.c.read_site.in_(sorted(person.sites_as(READERS))))


def _review(person: Person) -> ColumnElement[bool]:
    reviewers = person.sites_as(frozenset({Role.REVIEW_DOCTOR, Role.DISPATCHER}))
    return and_(_state_in(State.AWAITING_REVIEW), request.c.review_site.in_(sorted(reviewers)))


def _mine(person: Person) -> ColumnElement[bool]:
    rework = and_(_state_in(State.QUEUED), request.c.rework, request.c.assigned_to == person.id)
    return or_(request.c.holder == person.id, rework)


_ASKERS = frozenset({Role.TECHNICIAN, Role.REFERRING_DOCTOR, Role.DISPATCHER, Role.INSTITUTION_ADMIN})


def _sent(person: Person) -> ColumnElement[bool]:
    return request.c.owner_site.in_(sorted(person.sites_as(_ASKERS)))


def _returned(person: Person) -> ColumnElement[bool]:
    return and_(_state_in(State.RETURNED), _sent(person))


def _done(_person: Person) -> ColumnElement[bool]:
    return request.c.state.in_(_OVER)


def _open(_person: Person) -> ColumnElement[bool]:
    return request.c.state.not_in(_OVER)


_VIEWS: dict[View, Callable[[Person], ColumnElement[bool]]] = {
    View.QUEUE: _queue,
    View.REVIEW: _review,
    View.MINE: _mine,
    View.SENT: _sent,
    View.RETURNED: _returned,
    View.DONE: _done,
    View.OPEN: _open,
}


# -- completing rows -------------------------------------------------------------------------------


def _complete(connection: Connection, person: Person, found: Iterable[Any]) -> list[Row]:
    loaded = [(from_row(dict(row)), row) for row in found]
    ids = [one.id for one, _ in loaded]
    names = _site_refs(connection)
    people = _people(connection, [one for one, _ in loaded])
    events = _last_events(connection, ids)
    reports = _report_refs(connection, ids)
    counts = of_studies(connection, [one.study for one, _ in loaded])
    return [
        Row(
            request=one,
            requester=names[one.owner_site],
            reader=names[one.reader_site],
            patient_id=row["patient_id"],
            issuer=row["issuer"],
            patient_name=PersonName.parse(row["patient_name"]),
            patient_sex=row["patient_sex"],
            patient_birth_date=row["patient_birth_date"],
            patient_age=_age(row),
            study_site=row["study_site"],
            study_instance_uid=row["study_instance_uid"],
            study_date=row["study_date"],
            study_time=row["study_time"],
            study_description=row["study_description"],
            accession_number=row["accession_number"],
            modalities=tuple(part for part in row["received_modalities"].split("\\") if part),
            series_count=row["received_series"],
            instance_count=row["received_instances"],
            completeness=counts[one.study],
            holder=people.get(one.holder),
            author=people.get(one.author),
            reviewer=people.get(one.reviewer),
            assigned_to=people.get(one.assigned_to),
            last_event=_heard(events.get(one.id), sees_drafts(person, one)),
            report=_visible_report(reports.get(one.id, []), sees_drafts(person, one)),
            allowed_commands=tuple(allowed_commands(person, one)),
        )
        for one, row in loaded
    ]


def _age(row: Any) -> str:
    """(0010,1010) as sent, else from the birth date: ``045Y`` (PS3.5 6.2, AS)."""
    sent = row["attributes"].get("00101010", {}).get("Value", [""])
    if sent and sent[0]:
        return str(sent[0])
    born, on = row["patient_birth_date"], row["study_date"]  # both are dates or empty: the header saw to it
    if not born or not on:
        return ""
    years = int(on[:4]) - int(born[:4]) - (on[4:] < born[4:])
    return f"{years:03d}Y" if 0 <= years < 1000 else ""


def _site_refs(connection: Connection) -> dict[str, SiteRef]:
    rows_ = connection.execute(select(site.c.code, site.c.name, site.c.name_zh))
    return {row.code: SiteRef(row.code, row.name, row.name_zh) for row in rows_}


def _people(connection: Connection, requests: list[Request]) -> dict[int | None, PersonRef]:
    ids = {getattr(one, name) for one in requests for name in ("holder", "author", "reviewer", "assigned_to")}
    return person_refs(connection, ids - {None})


def person_refs(connection: Connection, ids: set[int]) -> dict[int | None, PersonRef]:
    """People by row number."""
    query = select(user.c.id, user.c.name, user.c.name_zh).where(user.c.id.in_(sorted(ids)))
    return {row.id: PersonRef(row.id, row.name, row.name_zh) for row in connection.execute(query)}


def _last_events(connection: Connection, ids: list[int]) -> dict[int, LastEvent]:
    newest = select(func.max(request_event.c.id)).where(request_event.c.request.in_(ids))
    query = select(request_event).where(request_event.c.id.in_(newest.group_by(request_event.c.request)))
    found = connection.execute(query).all()
    actors = person_refs(connection, {row.actor for row in found if row.actor is not None})
    return {
        row.request: LastEvent(row.command, row.at, actors.get(row.actor), row.reason_code, row.reason_text)
        for row in found
    }


def _heard(event: LastEvent | None, by_reader: bool) -> LastEvent | None:
    """What doctors said to each other is for them."""
    if event is None or by_reader or event.command not in BETWEEN_READERS:
        return event
    return replace(event, reason_text="")


def _report_refs(connection: Connection, ids: list[int]) -> dict[int, list[Any]]:
    query = (
        select(
            report.c.request,
            report.c.id,
            report_version.c.n,
            report_version.c.kind,
            report_version.c.content,
            report_version.c.signed_at,
        )
        .join(report_version, report_version.c.report == report.c.id)
        .where(report.c.request.in_(ids))
        .order_by(report_version.c.n)
    )
    found: dict[int, list[Any]] = {}
    for row in connection.execute(query):
        found.setdefault(row.request, []).append(row)
    return found


def _visible_report(versions: list[Any], is_reader: bool) -> ReportRef | None:
    """The newest version; for those who do not read, the newest that was released (I6)."""
    seen = [row for row in versions if is_reader or row.kind in RELEASED]
    if not seen:
        return None
    last = seen[-1]
    return ReportRef(last.id, last.n, last.kind, last.content.get("positivity"), last.signed_at)
