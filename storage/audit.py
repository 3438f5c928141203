"""The record of who did what: append-only, each row chained to the one before by its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from storage.locks import Lock, serialize
from storage.tables import audit


@dataclass(frozen=True)
class Act:
    """One act, in the terms of an audit message (PS3.15 A.5): who, as what, from where, did what to what."""

    action: str
    object_type: str
    object_id: str
    actor: str = ""
    role: str = ""
    site: str = ""
    address: str = ""
    outcome: str = "SUCCESS"
    detail: dict[str, Any] = field(default_factory=dict)


def append(connection: Connection, act: Act) -> None:
    """Write an act in the caller's transaction, so that deed and record stand or fall together."""
    serialize(connection, Lock.AUDIT)  # one chain, one writer at a time
    at = datetime.now(UTC).replace(microsecond=0)
    prev_hash = connection.execute(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)).scalar() or ""
    said = {name: _writable(value) for name, value in act.__dict__.items()}
    values = {**said, "at": at, "prev_hash": prev_hash}
    connection.execute(insert(audit).values(**values, hash=_hash(values)))


def _writable(value: Any) -> Any:
    """What every database gives back as it was written, or the hash would not match: no U+0000, no half characters."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def broken_rows(connection: Connection) -> Iterator[int]:
    """The numbers of rows whose content or link does not match their hash; none if the record is whole."""
    prev_hash = ""
    query = select(audit).order_by(audit.c.id).execution_options(yield_per=1000)
    for row in connection.execute(query).mappings():
        values = {key: row[key] for key in row if key not in ("id", "hash")}
        if row["prev_hash"] != prev_hash or _hash(values) != row["hash"]:
            yield row["id"]
        prev_hash = row["hash"]


def _hash(values: dict[str, Any]) -> str:
    canonical = {**values, "at": values["at"].isoformat()}
    data = json.dumps(canonical, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(data.encode("utf-8", "replace")).hexdigest()
