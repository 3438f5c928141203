"""Agreements between hospitals: who reads for whom. Without one, nothing is routed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import Connection, select, update

from storage.database import Database
from storage.errors import Denied
from storage.locks import Lock, serialize
from worklist.tables import agreement


class Service(StrEnum):
    """What the reader does: the whole reading, the review of a local report, or an opinion."""

    READ = "READ"
    REVIEW_ONLY = "REVIEW_ONLY"
    CONSULT = "CONSULT"


class SignPolicy(StrEnum):
    """Whether the author may sign, or a second doctor must."""

    SINGLE = "SINGLE"
    DOUBLE = "DOUBLE"


class Priority(StrEnum):
    """How soon. The order of definition is the order of urgency."""

    EMERGENCY = "EMERGENCY"
    URGENT = "URGENT"
    ROUTINE = "ROUTINE"


@dataclass(frozen=True)
class Agreement:
    """`requester` asks, `reader` answers; without dates it holds until further notice."""

    requester: str
    reader: str
    service: Service = Service.READ
    sign_policy: SignPolicy = SignPolicy.DOUBLE
    auto_request: bool = False
    priority: Priority = Priority.ROUTINE
    valid_from: date | None = None
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the agreement is in force."""
        started = self.valid_from is None or self.valid_from <= day
        return started and (self.valid_to is None or day <= self.valid_to)


def put_agreement(database: Database, connection: Connection, value: Agreement) -> bool:
    """Insert or update; tells whether anything changed."""
    serialize(connection, Lock.NETWORK)
    found = _find(connection, value.requester, value.reader, value.service)
    if found == value:
        return False
    if found is None:
        return database.insert_ignoring(connection, agreement, **asdict(value))
    key = {"requester": value.requester, "reader": value.reader, "service": value.service}
    connection.execute(update(agreement).filter_by(**key).values(**asdict(value)))
    return True


def all_agreements(connection: Connection) -> list[Agreement]:
    """Every agreement, by requester."""
    query = select(agreement).order_by(agreement.c.requester, agreement.c.reader, agreement.c.service)
    return [_agreement(row) for row in connection.execute(query).mappings()]


def require_agreement(connection: Connection, requester: str, reader: str, service: Service) -> Agreement:
    """The agreement in force. Raises `Denied` with ``AGREEMENT_MISSING``."""
    found = _find(connection, requester, reader, service)
    if found is None or not found.holds_on(datetime.now(UTC).date()):
        raise Denied(
            f"there is no agreement in force under which {reader} does {service} for {requester}",
            code="AGREEMENT_MISSING",
        )
    return found


def automatic_agreement(connection: Connection, requester: str) -> Agreement | None:
    """The agreement under which a quiet study of `requester` opens its own request."""
    today = datetime.now(UTC).date()
    own = (a for a in all_agreements(connection) if a.requester == requester)
    return next((a for a in own if a.auto_request and a.holds_on(today)), None)


def _find(connection: Connection, requester: str, reader: str, service: Service) -> Agreement | None:
    key = {"requester": requester, "reader": reader, "service": service}
    row = connection.execute(select(agreement).filter_by(**key)).mappings().one_or_none()
    return _agreement(row) if row else None


def _agreement(row: object) -> Agreement:
    values = {key: value for key, value in dict(row).items() if key != "id"}  # type: ignore[call-overload]
    values["service"] = Service(values["service"])
    values["sign_policy"] = SignPolicy(values["sign_policy"])
    values["priority"] = Priority(values["priority"])
    return Agreement(**values)
