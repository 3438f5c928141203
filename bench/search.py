"""``python -m bench.search URL``: how long the index takes to answer, in a seeded database (`bench.seed_index`).

Each kind of question is asked with values drawn from the index, so that what is common is asked often. Times are of
the whole function, in milliseconds, the connection included.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from pypinyin import lazy_pinyin
from sqlalchemy import Row, func, select, true

from bench.seed_index import TODAY, seed, site_code
from dicom_node.find import find
from dicom_node.peers import Caller
from dicom_node.services import PENDING, Context, Peer, Request
from storage.archive import Archive
from storage.blobs import FolderBlobs
from storage.counting import CHEAP
from storage.database import Database
from storage.finding import Seen
from storage.query import Match, Query, search
from storage.query_keys import Level
from storage.sites import Node
from storage.tables import patient, study
from storage.visibility import Visible

CALLER = Node(site_code(40), "PACS", "*", 104)
ASKED = (
    *("PatientName", "PatientID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ModalitiesInStudy", "StudyInstanceUID"),
)
FEW_SITES = Visible(tuple(site_code(number) for number in (3, 40, 300, 700, 1100)))
MANY_SITES = Visible(tuple(site_code(number) for number in range(20)))
EVERYTHING: Seen = true()


@dataclass(frozen=True)
class Timing:
    """One kind of question; seconds of each asking."""

    name: str
    seconds: list[float]
    found: float

    def row(self) -> str:
        """A row of Markdown."""
        ordered = sorted(self.seconds)
        p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        middle = statistics.median(ordered)
        return f"| {self.name} | {self.found:.0f} | {middle * 1e3:.1f} | {p95 * 1e3:.1f} | {ordered[-1] * 1e3:.1f} |"


@dataclass
class Asker:
    """Asks a database the same kind of question with ever other values."""

    database: Database
    rounds: int
    random: Random = field(default_factory=lambda: Random(7))
    studies: int = 0

    def __post_init__(self) -> None:
        with self.database.read() as connection:
            self.studies = connection.execute(select(func.max(study.c.id))).scalar_one()

    def timings(self) -> Iterator[Timing]:
        """All kinds of question."""
        yield self._ask("patient ID", lambda: [Match("PatientID", (self._patient().patient_id,))])
        yield self._ask("name prefix (`WANG*`)", self._surname)
        yield self._ask("name prefix, one letter more (`WANGX*`)", lambda: self._surname(more=1))
        yield self._ask("name in full", lambda: [Match("PatientName", (self._latin(),))])
        yield self._ask("name prefix in hanzi (`王*`)", self._hanzi)
        yield self._ask("pinyin initials (`wxd`)", self._initials, fuzzy=True)
        yield self._ask("two words (`wang xiao`)", self._two_words, fuzzy=True)
        yield self._ask("date range, newest first", self._dates)
        yield self._ask("accession number", lambda: [Match("AccessionNumber", (self._accession(),))])
        yield self._ask(
            "accession number, prefix", lambda: [Match("AccessionNumber", (self._accession()[:7] + "*",))]
        )
        yield self._ask("study UID", lambda: [Match("StudyInstanceUID", (self._uid(),))])
        yield self._ask("modality of a series", self._modality)
        yield self._ask("rare modality in study", lambda: [Match("ModalitiesInStudy", ("NM",))])
        yield self._ask("newest, all hospitals", list)
        yield self._ask("newest, five hospitals", list, seen=FEW_SITES)
        yield self._ask("newest CT, five hospitals", lambda: [Match("Modality", ("CT",))], seen=FEW_SITES)
        yield self._ask("name prefix, five hospitals", self._surname, seen=FEW_SITES)
        yield self._ask("name prefix, twenty hospitals", self._surname, seen=MANY_SITES)
        yield self._ask("part of a name (`*WANG*`), five hospitals", self._part, seen=FEW_SITES)
        yield self._ask("part of a name (`*WANG*`), twenty hospitals", self._part, seen=MANY_SITES)
        yield self._ask("date range, twenty hospitals", self._dates, seen=MANY_SITES)
        yield self._ask("series of a study", list, level=Level.SERIES, scope=True)
        yield self._c_find("patient ID", lambda: {"PatientID": self._patient(CALLER.site).patient_id})
        yield self._c_find("name prefix (`WANG*`)", lambda: {"PatientName": self._surname()[0].values[0]})
        yield self._c_find("name prefix in hanzi", lambda: {"PatientName": self._hanzi()[0].values[0]})
        yield self._c_find("a week", lambda: {"StudyDate": self._week()})
        yield self._c_find("accession number", lambda: {"AccessionNumber": self._accession()})

    def _ask(
        self,
        name: str,
        keys: Callable[[], list[Match]],
        *,
        fuzzy: bool = False,
        seen: Seen = EVERYTHING,
        level: Level = Level.STUDY,
        scope: bool = False,
    ) -> Timing:
        seconds, found = [], 0
        for _ in range(self.rounds):
            query = Query(level, keys(), self._uid() if scope else None, fuzzy=fuzzy)
            begun = time.perf_counter()
            with self.database.read() as connection:
                found += len(search(connection, query, seen, counted=CHEAP).items)
            seconds.append(time.perf_counter() - begun)
        return Timing(name, seconds, found / self.rounds)

    def _c_find(self, name: str, keys: Callable[[], dict[str, str]]) -> Timing:
        """The service itself, from the identifier to the last answer, for a hospital of 4,000 studies."""
        seconds, found = [], 0
        for _ in range(self.rounds):
            identifier = Dataset()
            identifier.update({**dict.fromkeys(ASKED, ""), **keys(), "QueryRetrieveLevel": "STUDY"})
            request = _request(self.database, identifier)
            begun = time.perf_counter()
            found += sum(response.status == PENDING for response in find(request))
            seconds.append(time.perf_counter() - begun)
        return Timing(f"C-FIND: {name}", seconds, found / self.rounds)

    def _week(self) -> str:
        first = TODAY - timedelta(days=self.random.randint(7, 1800))
        return f"{first:%Y%m%d}-{first + timedelta(days=6):%Y%m%d}"

    def _number(self) -> int:
        return self.random.randint(1, self.studies)

    def _patient(self, site: str = "") -> Row[Any]:
        query = select(patient).join(study, study.c.patient == patient.c.id)
        query = query.where(study.c.site == site) if site else query.where(study.c.id == self._number())
        with self.database.read() as connection:
            return self.random.choice(connection.execute(query.limit(100)).all())

    def _accession(self) -> str:
        return f"A{self._number():09}"

    def _uid(self) -> str:
        return f"1.2.826.0.1.{self._number()}"

    def _latin(self) -> str:
        name: str = self._patient().patient_name
        return name.partition("=")[0]

    def _part(self) -> list[Match]:
        return [Match("PatientName", (f"*{self._surname()[0].values[0].rstrip('*')}*",))]

    def _surname(self, more: int = 0) -> list[Match]:
        surname, _, given = self._latin().upper().partition("^")
        prefix = f"{surname}^{given[:more]}" if more else surname
        return [Match("PatientName", (f"{prefix}*",))]

    def _hanzi(self) -> list[Match]:
        while "=" not in (name := self._patient().patient_name):
            pass
        return [Match("PatientName", (name.partition("=")[2][0] + "*",))]

    def _initials(self) -> list[Match]:
        while "^" not in (name := self._patient().patient_name.partition("=")[2]):
            pass
        return [Match("PatientName", ("".join(part[0] for part in lazy_pinyin(name.replace("^", ""))),))]

    def _two_words(self) -> list[Match]:
        surname, _, given = self._latin().lower().partition("^")
        return [Match("PatientName", (f"{surname} {given[:4]}",))]

    def _dates(self) -> list[Match]:
        first = TODAY.replace(year=self.random.randint(2021, 2025), month=self.random.randint(1, 12), day=1)
        last = first.replace(day=self.random.randint(1, 28))
        return [Match("StudyDate", (f"{first:%Y%m%d}-{last:%Y%m%d}",))]

    def _modality(self) -> list[Match]:
        return [Match("Modality", (self.random.choice(("CT", "MR", "DX", "US", "MG", "XA", "NM")),))]


def _request(database: Database, identifier: Dataset) -> Request:
    archive = Archive(database, FolderBlobs(Path(tempfile.gettempdir())), Path(tempfile.gettempdir()))
    context = Context(1, StudyRootQueryRetrieveInformationModelFind, ExplicitVRLittleEndian)
    caller = Caller("PACS", "FARLIGHT", "127.0.0.1")
    nobody = cast(Peer, None)  # a query sends nothing over the association but its answers
    return Request(archive, "FARLIGHT", CALLER, caller, context, Dataset(), identifier, nobody, lambda: False)


def table(timings: Iterator[Timing]) -> str:
    """Markdown."""
    head = "| question | found | p50 ms | p95 ms | most ms |\n|---|---|---|---|---|"
    return "\n".join([head, *(timing.row() for timing in timings)])


def measure(url: str, rounds: int) -> str:
    """The table of a database that was seeded."""
    database = Database(url)
    try:
        return table(Asker(database, rounds).timings())
    finally:
        database.close()


def measure_small(folder: Path, studies: int = 2000, rounds: int = 3) -> str:
    """Seeds a small index and asks it everything: shows that it works."""
    url = f"sqlite:///{folder}/search.db"
    database = Database(url)
    seed(database, studies, sites=1200)
    database.close()
    return measure(url, rounds)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.search", description=__doc__)
    parser.add_argument("urls", nargs="*", help="seeded databases; without one, a small one is made")
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    for url in arguments.urls:
        print(f"\n{url.partition(':')[0]}\n\n{measure(url, arguments.rounds)}")
    if not arguments.urls:
        with tempfile.TemporaryDirectory() as folder:
            print(measure_small(Path(folder)))


if __name__ == "__main__":
    main()
