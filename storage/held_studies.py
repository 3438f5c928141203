"""The studies that a batch of instances belongs to: read and locked once, counted as instances join, written once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from storage.compiled import Compiled, Listed, listed, moment
from storage.database import insert_new
from storage.name_search import keep_name_words, name_words
from storage.prepared import Prepared
from storage.tables import change, patient, series, study

PATIENT_AND_STUDY_TAGS = (
    *("00080005", "00080020", "00080030", "00080050", "00080051", "00080090", "00080201", "00081030"),
    *("00081032", "00100010", "00100020", "00100021", "00100030", "00100040", "00101010", "0020000D"),
    "00200010",
)
SERIES_TAGS = (
    *("00080021", "00080031", "00080060", "00080070", "00080080", "0008103E", "00081090", "00180015"),
    *("00185100", "0020000E", "00200011", "00200052", "00200060", "00400244", "00400245", "00400275"),
)

_COUNTED = (
    "modalities_in_study",
    "number_of_study_related_series",
    "number_of_study_related_instances",
    "received_modalities",
    "received_series",
    "received_instances",
    "epoch",
    "last_received_at",
    "rejected",
)
_FIND = Listed(
    lambda size: (
        select(
            *(
                study.c.id,
                study.c.site,
                study.c.study_instance_uid,
                study.c.noted,
                *(study.c[name] for name in _COUNTED),
            ),
            *(patient.c.issuer, patient.c.patient_id, patient.c.patient_name, patient.c.patient_birth_date),
            *(series.c.id.label("series"), series.c.series_instance_uid),
            series.c.number_of_series_related_instances.label("instances"),
        )
        .join(patient, patient.c.id == study.c.patient)
        .outerjoin(
            series,
            and_(
                series.c.study == study.c.id,
                series.c.series_instance_uid.in_(listed("series_uids", size)),
            ),
        )
        .where(
            study.c.site.in_(listed("sites", size)),
            study.c.study_instance_uid.in_(listed("study_uids", size)),
        )
        .order_by(study.c.id)
        .with_for_update(of=study)
    )
)
_WRITE_STUDY = Compiled(
    update(study).where(study.c.id == bindparam("row")).values({n: bindparam(f"new_{n}") for n in _COUNTED})
)
_WRITE_SERIES = Compiled(
    update(series)
    .where(series.c.id == bindparam("row"))
    .values(number_of_series_related_instances=bindparam("new_count"))
)
_ANNOUNCE = Compiled(insert(change).inline(), [name for name in change.c.keys() if name != "id"])  # noqa: SIM118


@dataclass
class HeldSeries:
    """A series and how many instances it has now that are not rejected; `fresh` until the first one is counted."""

    row: int
    count: int
    grew: bool = False
    fresh: bool = False


@dataclass
class HeldStudy:
    """A study as it stands in the midst of a batch; `counted` are its columns that follow its instances."""

    row: int
    site: str
    study_instance_uid: str
    issuer: str
    patient_id: str
    name_and_birth: tuple[str, str]
    counted: dict[str, Any]
    series: dict[str, HeldSeries] = field(default_factory=dict)
    announced: dict[str, datetime] = field(default_factory=dict)

    def is_of_patient(self, prepared: Prepared) -> bool:
        """Whether an instance of this study names the patient that the study has.

        An empty PatientID names nobody: then name and birth date say who it is. Our own documents take these from
        the index.
        """
        header = prepared.header
        if (self.issuer, self.patient_id) != (prepared.issuer, header.patient_id):
            return False
        if self.patient_id or prepared.blob.origin == "report":
            return True
        return self.name_and_birth == (str(header.patient_name), header.patient_birth_date)

    def add(self, prepared: Prepared, one: HeldSeries) -> None:
        """Count an instance. Our own documents are no news to read: they leave the epoch alone."""
        fresh, one.count, one.grew, one.fresh = one.fresh, one.count + 1, True, False
        counted, modality, at = self.counted, prepared.header.modality, prepared.blob.received_at
        is_news = prepared.blob.origin == "received"
        counted["rejected"] = False
        _count(counted, _ALL, modality, new_series=one.count == 1)
        if is_news:
            _count(counted, _RECEIVED, modality, new_series=fresh)
            counted["epoch"] += 1
            counted["last_received_at"] = max(at, counted["last_received_at"])
        self.announced["instance" if is_news else "report"] = at

    def changes(self) -> Iterable[dict[str, Any]]:
        """One row for the feed per kind of news, however many instances came at once."""
        for kind, at in self.announced.items():
            yield {
                "kind": kind,
                "study": self.row,
                "site": self.site,
                "study_instance_uid": self.study_instance_uid,
                "epoch": self.counted["epoch"],
                "instance_count": self.counted["received_instances"],
                "at": at,
            }


def _count(counted: dict[str, Any], names: tuple[str, str, str], modality: str, *, new_series: bool) -> None:
    modalities, of_series, of_instances = names
    counted[modalities] = _with_modality(counted[modalities], modality)
    counted[of_series] += new_series
    counted[of_instances] += 1


_ALL = ("modalities_in_study", "number_of_study_related_series", "number_of_study_related_instances")
_RECEIVED = ("received_modalities", "received_series", "received_instances")


class HeldStudies:
    """The studies of one batch, in the transaction that records it; the caller holds `Lock.CHANGES`."""

    def __init__(self, connection: Connection, batch: Sequence[Prepared]) -> None:
        self._connection = connection
        self._held: dict[tuple[str, str], HeldStudy] = {}
        self.noted: list[int] = []
        """Rows of those of which a rejection note names something."""
        headers = [prepared.header for prepared in batch]
        sought = {
            "sites": list({prepared.sender.site for prepared in batch}),
            "study_uids": list({header.study_instance_uid for header in headers}),
            "series_uids": list({header.series_instance_uid for header in headers}),
        }
        for row in _FIND.run(connection, sought):
            self._take(row)

    def study_of(self, prepared: Prepared) -> HeldStudy:
        """The instance's study; it is made if it is new."""
        key = (prepared.sender.site, prepared.header.study_instance_uid)
        found = self._held.get(key)
        if found is None:
            found = self._held[key] = _new_study(self._connection, prepared)
        return found

    def series_of(self, held: HeldStudy, prepared: Prepared) -> HeldSeries:
        """The instance's series; it is made if it is new."""
        uid = prepared.header.series_instance_uid
        found = held.series.get(uid)
        if found is None:
            found = held.series[uid] = _new_series(self._connection, prepared, held.row)
        return found

    def write(self) -> None:
        """Counts and changes of everything that was added."""
        grown = [held for held in self._held.values() if held.announced]
        if not grown:
            return
        parts = [one for held in grown for one in held.series.values() if one.grew]
        counts = [{"row": held.row, **{f"new_{n}": held.counted[n] for n in _COUNTED}} for held in grown]
        _WRITE_SERIES.run_many(self._connection, [{"row": one.row, "new_count": one.count} for one in parts])
        _WRITE_STUDY.run_many(self._connection, counts)
        _ANNOUNCE.run_many(self._connection, [row for held in grown for row in held.changes()])

    def _take(self, row: Any) -> None:
        key = (row.site, row.study_instance_uid)
        if key not in self._held:
            counted = {name: getattr(row, name) for name in _COUNTED}
            counted["last_received_at"] = moment(counted["last_received_at"])
            if row.noted:
                self.noted.append(row.id)
            described = (row.patient_name, row.patient_birth_date)
            self._held[key] = HeldStudy(row.id, *key, row.issuer, row.patient_id, described, counted)
        if row.series is not None:
            self._held[key].series[row.series_instance_uid] = HeldSeries(row.series, row.instances)


def _new_study(connection: Connection, prepared: Prepared) -> HeldStudy:
    header, at = prepared.header, prepared.blob.received_at
    counted: dict[str, Any] = dict.fromkeys(_COUNTED, 0)
    counted |= {
        "rejected": False,
        "modalities_in_study": "",
        "received_modalities": "",
        "last_received_at": at,
    }
    values = {
        "site": prepared.sender.site,
        "patient": patient_row(connection, prepared),
        "study_instance_uid": header.study_instance_uid,
        "study_date": header.study_date,
        "study_time": header.study_time,
        "accession_number": header.accession_number,
        "study_id": header.study_id,
        "study_description": header.study_description,
        "referring_physician_name": header.referring_physician_name,
        "attributes": header.attributes(PATIENT_AND_STUDY_TAGS),
        "first_received_at": at,
    }
    row = connection.execute(insert(study).values(**values, **counted).returning(study.c.id)).scalar_one()
    names = (prepared.sender.site, header.study_instance_uid, prepared.issuer, header.patient_id)
    return HeldStudy(row, *names, (str(header.patient_name), header.patient_birth_date), counted)


def patient_row(connection: Connection, prepared: Prepared) -> int:
    """The patient as this study describes one. The same ID under another name is another row."""
    header = prepared.header
    key = {
        "site": prepared.sender.site,
        "issuer": prepared.issuer,
        "patient_id": header.patient_id,
        "patient_name": str(header.patient_name),
        "patient_birth_date": header.patient_birth_date,
        "patient_sex": header.patient_sex,
    }
    words = name_words(key["patient_name"])
    row = insert_new(
        connection, patient, **key, name_search=" ".join(words), charset_suspect=header.charset_suspect
    )
    if row is not None:
        keep_name_words(connection, prepared.sender.site, row, words)
        return row
    known: int = connection.execute(select(patient.c.id).filter_by(**key)).scalar_one()
    return known


def _new_series(connection: Connection, prepared: Prepared, study_row: int) -> HeldSeries:
    header = prepared.header
    values = {
        "study": study_row,
        "series_instance_uid": header.series_instance_uid,
        "modality": header.modality,
        "series_number": header.series_number,
        "series_description": header.series_description,
        "body_part_examined": header.body_part_examined,
        "number_of_series_related_instances": 0,
        "attributes": header.attributes(SERIES_TAGS),
    }
    row = connection.execute(insert(series).values(**values).returning(series.c.id)).scalar_one()
    return HeldSeries(row, 0, fresh=True)


def _with_modality(modalities: str, modality: str) -> str:
    known = [part for part in modalities.split("\\") if part]
    return modalities if modality in known else "\\".join([*known, modality])
