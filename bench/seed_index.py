"""``python -m bench.seed_index URL --studies N``: an index of N made-up studies, for measuring at a province's size.

1,200 hospitals of very different sizes, five years of studies, three of them for two patients, two to four series
each, one instance row for each study. Rows are written as the receiving end writes them, by the database's bulk way;
there are no blobs behind them. The database must exist and be empty; tables are made here.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from sqlalchemy import Connection, Table, text

import worklist.tables  # noqa: F401 - its tables belong to the same schema
from bench.made_names import made_name
from storage.database import Database
from storage.migrations import upgrade
from storage.name_search import name_words
from storage.tables import change, instance, metadata, patient, patient_word, series, site, study

SITES = 1200
TODAY = date(2026, 6, 30)
DAYS = 5 * 365
_BATCH = 10_000
_MODALITIES = ("CT", "MR", "DX", "US", "CR", "MG", "XA", "NM")
_WEIGHTS = (40, 15, 25, 12, 6, 1.5, 0.4, 0.1)
_SOP_CLASSES = dict.fromkeys(_MODALITIES, "1.2.840.10008.5.1.4.1.1.2") | {"MR": "1.2.840.10008.5.1.4.1.1.4"}
_HEADER = zlib.compress(b"\0" * 600)
_NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)

Rows = dict[str, list[dict[str, Any]]]


def seed(database: Database, studies: int, sites: int = SITES) -> None:
    """Fill an empty database with `studies` studies of `sites` hospitals; the same ones each time."""
    upgrade(database)
    tables = (patient, patient_word, study, series, instance, change)
    indexes = [index for table in tables for index in sorted(table.indexes, key=lambda one: one.name or "")]
    with database.engine.connect() as connection:
        _hurry(connection)
        with connection.begin():
            for index in indexes:
                index.drop(connection)
            _write(connection, site, [_site(number) for number in range(sites)])
        for batch in _Maker(studies, sites).batches():
            with connection.begin():
                for table in tables:
                    _write(connection, table, batch[table.name])
        for index in indexes:
            with connection.begin():
                index.create(connection)
    if not database.embedded:
        _settle(database, tables)


def site_code(number: int) -> str:
    """Hospital 0 is the largest."""
    return f"H{number:04}"


def _site(number: int) -> dict[str, Any]:
    code = site_code(number)
    return {"code": code, "name": code, "name_zh": code, "level": "county", "timezone": "Asia/Urumqi"}


@dataclass
class _Maker:
    studies: int
    sites: int
    random: Random = field(default_factory=lambda: Random(1))
    patients: int = 0

    def batches(self) -> Iterator[Rows]:
        weights = [1 / (rank + 8) for rank in range(self.sites)]
        codes = [site_code(number) for number in range(self.sites)]
        for start in range(0, self.studies, _BATCH):
            rows: Rows = {table.name: [] for table in metadata.sorted_tables}
            size = min(_BATCH, self.studies - start)
            chosen = self.random.choices(codes, weights, k=size)
            for number, code in enumerate(chosen, start=start + 1):
                self._add_study(rows, number, code)
            yield rows

    def _add_study(self, rows: Rows, number: int, code: str) -> None:
        who = rows["patient"]
        if self.random.random() < 1 / 3 and who and (last := who[-1])["site"] == code:
            owner = last
        else:
            owner = self._add_patient(rows, code) if self.random.random() < 2 / 3 or not who else None
            owner = owner or self._earlier(who, code) or self._add_patient(rows, code)
        day = TODAY - timedelta(days=int(DAYS * (1 - number / self.studies)))
        made = _study_row(self.random, number, owner, day)
        rows["study"].append(made)
        self._add_series(rows, number, made)

    def _earlier(self, who: list[dict[str, Any]], code: str) -> dict[str, Any] | None:
        return next((one for one in reversed(who[-400:]) if one["site"] == code), None)

    def _add_patient(self, rows: Rows, code: str) -> dict[str, Any]:
        self.patients += 1
        name = made_name(self.random)
        words = _words(name)
        made = {
            "id": self.patients,
            "site": code,
            "issuer": "",
            "patient_id": f"P{self.patients:08}",
            "patient_name": name,
            "name_search": " ".join(words),
            "charset_suspect": False,
            "patient_birth_date": f"{self.random.randint(1935, 2020)}{self.random.randint(1, 12):02}15",
            "patient_sex": self.random.choice("MF"),
        }
        rows["patient"].append(made)
        rows["patient_word"] += [{"word": word, "site": code, "patient": self.patients} for word in words]
        return made

    def _add_series(self, rows: Rows, number: int, owner: dict[str, Any]) -> None:
        modality = owner["modalities_in_study"]
        for part in range(1, owner["number_of_study_related_series"] + 1):
            rows["series"].append(_series_row(number, part, modality))
        rows["instance"].append(_instance_row(number, owner["site"], modality))
        rows["change"].append(_change_row(number, owner))


@lru_cache(maxsize=1 << 18)
def _words(name: str) -> tuple[str, ...]:
    return name_words(name)


def _study_row(random: Random, number: int, owner: dict[str, Any], day: date) -> dict[str, Any]:
    modality, count = random.choices(_MODALITIES, _WEIGHTS)[0], random.randint(2, 4)
    time = f"{random.randint(0, 23):02}{random.randint(0, 59):02}{random.randint(0, 59):02}"
    held = {
        "00080020": _element("DA", f"{day:%Y%m%d}"),
        "00080030": _element("TM", time),
        "00080050": _element("SH", f"A{number:09}"),
        "00081030": _element("LO", f"{modality} routine"),
        "00100010": _element("PN", _name_json(owner["patient_name"])),
        "00100020": _element("LO", owner["patient_id"]),
        "00100030": _element("DA", owner["patient_birth_date"]),
        "00100040": _element("CS", owner["patient_sex"]),
        "0020000D": _element("UI", f"1.2.826.0.1.{number}"),
        "00200010": _element("SH", str(number)),
    }
    return {
        "id": number,
        "site": owner["site"],
        "patient": owner["id"],
        "study_instance_uid": f"1.2.826.0.1.{number}",
        "study_date": f"{day:%Y%m%d}",
        "study_time": time,
        "accession_number": f"A{number:09}",
        "study_id": str(number),
        "study_description": f"{modality} routine",
        "referring_physician_name": "",
        "modalities_in_study": modality,
        "number_of_study_related_series": count,
        "number_of_study_related_instances": count,
        "received_series": count,
        "received_instances": count,
        "received_modalities": modality,
        "epoch": count,
        "attributes": json.dumps(held, ensure_ascii=False),
        "first_received_at": _NOW,
        "last_received_at": _NOW - timedelta(seconds=number),
    }


def _series_row(number: int, part: int, modality: str) -> dict[str, Any]:
    uid = f"1.2.826.0.1.{number}.{part}"
    held = {
        "00080060": _element("CS", modality),
        "0008103E": _element("LO", f"series {part}"),
        "0020000E": _element("UI", uid),
        "00200011": _element("IS", part),
    }
    return {
        "id": number * 4 + part - 1,
        "study": number,
        "series_instance_uid": uid,
        "modality": modality,
        "series_number": part,
        "series_description": f"series {part}",
        "body_part_examined": "CHEST",
        "number_of_series_related_instances": 1,
        "attributes": json.dumps(held),
    }


def _instance_row(number: int, code: str, modality: str) -> dict[str, Any]:
    return {
        "id": number,
        "series": number * 4,
        "site": code,
        "sop_instance_uid": f"1.2.826.0.1.{number}.1.1",
        "sop_class_uid": _SOP_CLASSES[modality],
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "instance_number": 1,
        "rows": 512,
        "columns": 512,
        "number_of_frames": 1,
        "blob_key": f"{code}/received/2026-06-30/{number}.dcm",
        "blob_offset": 0,
        "length": 525000,
        "dataset_offset": 300,
        "sha256": f"{number:064x}",
        "layout": None,
        "header": _HEADER,
        "header_length": 600,
        "charset": "",
        "origin": "received",
        "sender": "PACS",
        "received_at": _NOW,
    }


def _change_row(number: int, owner: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "kind": "instance",
        "study": number,
        "site": owner["site"],
        "study_instance_uid": owner["study_instance_uid"],
        "epoch": 1,
        "instance_count": 1,
        "at": _NOW,
    }


def _element(vr: str, value: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": [value]}


def _name_json(name: str) -> dict[str, str]:
    return dict(zip(("Alphabetic", "Ideographic"), name.split("="), strict=False))


# -- writing ---------------------------------------------------------------------------------------


def _hurry(connection: Connection) -> None:
    """Nothing is lost if this breaks off: one begins again."""
    driver = connection.connection.driver_connection
    if connection.dialect.name == "sqlite" and driver is not None:
        driver.execute("PRAGMA synchronous=OFF")
        driver.execute("PRAGMA cache_size=-400000")


def _write(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    names = list(rows[0])
    columns = ", ".join(f'"{name}"' for name in names)
    cursor = connection.connection.cursor()
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" for _ in names)
        values = ([_plain(row[name]) for name in names] for row in rows)
        cursor.executemany(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', values)
        return
    with cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _plain(value: Any) -> Any:
    """As `storage.tables.Instant` keeps a moment in SQLite."""
    return f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value


def _settle(database: Database, tables: Iterable[Table]) -> None:
    """What time does by itself in a running archive: row numbers go on from here, and there are statistics."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            if "id" in table.c:
                name = f"pg_get_serial_sequence('{table.name}', 'id')"
                connection.execute(text(f"SELECT setval({name}, max(id)) FROM {table.name}"))
        connection.execute(text("VACUUM ANALYZE"))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.seed_index", description=__doc__)
    parser.add_argument("url", help="sqlite:////path/to/file.db or postgresql://...")
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--sites", type=int, default=SITES)
    arguments = parser.parse_args()
    seed(Database(arguments.url), arguments.studies, arguments.sites)


if __name__ == "__main__":
    main()
