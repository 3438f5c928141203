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
from pathlib import Path
from random import Random

from sqlalchemy import func, select, true

from bench.seed_index import TODAY, seed, site_code
from storage.database import Database
from storage.finding import Seen
from storage.query import Match, Query, search
from storage.query_keys import Level
from storage.tables import patient, study
from storage.visibility import Visible

FEW_SITES = Visible(tuple(site_code(number) for number in (3, 40, 300, 700, 1100)))
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
        yield self._ask("series of a study", list, level=Level.SERIES, scope=True)

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
                found += len(search(connection, query, seen).items)
            seconds.append(time.perf_counter() - begun)
        return Timing(name, seconds, found / self.rounds)

    def _number(self) -> int:
        return self.random.randint(1, self.studies)

    def _patient(self):  # type: ignore[no-untyped-def]
        query = (
            select(patient).join(study, study.c.patient == patient.c.id).where(study.c.id == self._number())
        )
        with self.database.read() as connection:
            return connection.execute(query).one()

    def _accession(self) -> str:
        return f"A{self._number():09}"

    def _uid(self) -> str:
        return f"1.2.826.0.1.{self._number()}"

    def _latin(self) -> str:
        name: str = self._patient().patient_name
        return name.partition("=")[0]

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
        from pypinyin import lazy_pinyin

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
