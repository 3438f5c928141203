"""Asking back: a node that sent images of a study is asked by C-FIND how many it has (PS3.4 C.4.1).

It is asked series by series, because it may hold reports of ours, which do not count. An empty answer proves nothing.
A node that does not answer is left alone for a while, longer each time, whatever else it sends meanwhile.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from pydicom import Dataset

from dicom_node.association import Association
from dicom_node.contexts import PLAIN
from dicom_node.destinations import queryable_destinations
from dicom_node.negotiation import Proposal
from dicom_node.requestor import Destination, connect
from dicom_node.services import Context
from storage.archive import Archive
from storage.errors import Error, Invalid, Unavailable
from storage.expectations import Source, record_expected
from storage.questions import Question, forget, postpone, take_due

log = structlog.get_logger("farlight.dicom_node")

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
BACK_OFF_S = (30, 120, 600, 1800, 3600)
"""Waits after a node did not answer; the last one again and again."""
ASK_AGAIN_AFTER = (timedelta(minutes=5), timedelta(hours=1))
"""A study that its sender does not know may not be in its index yet."""
MAX_SERIES, MAX_IMAGES = 5_000, 100_000
_LONGEST_S = 120.0
"""For all answers to one question."""
_NODES_AT_ONCE = 8


@dataclass
class _Silence:
    """A node that did not answer: how often one after the other, and until when it is left alone."""

    times: int
    until: datetime


class Asker:
    """One process's asking. Several may work side by side: each question is taken by one of them."""

    def __init__(self, archive: Archive, ae_title: str, quiet_seconds: float) -> None:
        self._archive = archive
        self._ae_title = ae_title
        self._quiet_seconds = quiet_seconds
        self._silent: dict[tuple[str, str], _Silence] = {}

    def ask_due(self) -> int:
        """Ask what is due, one association for each node; returns how many questions were taken up.

        Raises `Unavailable` only if the index is away.
        """
        due = take_due(self._archive.database, self._quiet_seconds)
        if not due:
            return 0
        nodes = queryable_destinations(self._archive.database)
        by_node: dict[tuple[str, str], deque[Question]] = defaultdict(deque)
        for question in due:
            by_node[question.site, question.ae_title].append(question)
        with ThreadPoolExecutor(min(_NODES_AT_ONCE, len(by_node)), "dicom-asking") as pool:
            rounds = [pool.submit(self._ask_node, nodes.get(key), some) for key, some in by_node.items()]
        for one in rounds:
            one.result()
        return len(due)

    def _ask_node(self, node: Destination | None, questions: deque[Question]) -> None:
        key = (questions[0].site, questions[0].ae_title)
        if node is None:  # since it sent, it was declared to be one that may not be asked
            with self._archive.database.write() as connection:
                for question in questions:
                    forget(connection, question)
            return
        silence = self._silent.get(key)
        if silence is not None and silence.until > datetime.now(UTC):
            postpone(self._archive.database, questions, silence.until)
            return
        try:
            self._ask_all(node, questions)
        except Error as why:
            self._leave_alone(key, questions, why.message)
        except Exception as why:
            log.exception("sender not asked", site=key[0], node=key[1])
            self._leave_alone(key, questions, type(why).__name__)

    def _ask_all(self, node: Destination, questions: deque[Question]) -> None:
        """Over one association; what is answered is taken from `questions`."""
        with connect(node, self._ae_title, [Proposal(STUDY_ROOT_FIND, PLAIN[:2])]) as association:
            context = next(iter(association.contexts.values()))
            while questions:
                at = datetime.now(UTC)
                counts = series_counts(association, context, questions[0].study_instance_uid)
                self._silent.pop((questions[0].site, questions[0].ae_title), None)
                self._note(questions[0], counts, at)
                questions.popleft()

    def _note(self, asked: Question, counts: dict[str, int], at: datetime) -> None:
        instances = sum(counts.values())
        said = {"site": asked.site, "node": asked.ae_title, "study": asked.study_instance_uid}
        log.info("sender asked", **said, instances=instances)
        database = self._archive.database
        try:
            with database.write() as connection:
                record_expected(
                    database,
                    connection,
                    site=asked.site,
                    study_instance_uid=asked.study_instance_uid,
                    source=Source.SENDER,
                    who=asked.ae_title,
                    instances=instances,
                    series=counts,
                    at=at,
                )
                forget(connection, asked)
        except Invalid:  # it knows nothing of the study, or nothing but our reports
            self._ask_later(asked)

    def _ask_later(self, asked: Question) -> None:
        now = datetime.now(UTC)
        later = next((asked.since + wait for wait in ASK_AGAIN_AFTER if asked.since + wait > now), None)
        if later is not None:
            postpone(self._archive.database, [asked], later)
            return
        with self._archive.database.write() as connection:
            forget(connection, asked)

    def _leave_alone(self, key: tuple[str, str], questions: deque[Question], why: str) -> None:
        """The question that went wrong comes after the others, so that it does not stand in their way for ever."""
        times = self._silent[key].times + 1 if key in self._silent else 1
        wait = timedelta(seconds=BACK_OFF_S[min(times, len(BACK_OFF_S)) - 1])
        until = datetime.now(UTC) + wait
        self._silent[key] = _Silence(times, until)
        log.warning("sender not asked", site=key[0], node=key[1], reason=why, again_in_s=wait.total_seconds())
        if questions:
            failed = questions.popleft()
            postpone(self._archive.database, questions, until)
            postpone(self._archive.database, [failed], until + timedelta(seconds=1))


def series_counts(association: Association, context: Context, study_instance_uid: str) -> dict[str, int]:
    """Instances by SeriesInstanceUID as the node tells them; empty if it does not know the study.

    A series without (0020,1209) NumberOfSeriesRelatedInstances, which is optional (PS3.4 C.3.4), is counted image by
    image. Raises `Unavailable` for answers without end.
    """
    until = time.monotonic() + _LONGEST_S
    wanted = _identifier("SERIES", study_instance_uid, "", NumberOfSeriesRelatedInstances="", Modality="")
    found: dict[str, int] = {}
    for answer in _bounded(association.find(context, wanted), MAX_SERIES, until):
        uid = _text(answer, "SeriesInstanceUID")
        if uid and _text(answer, "StudyInstanceUID") in ("", study_instance_uid):
            found[uid] = _number(answer, "NumberOfSeriesRelatedInstances")
    left = MAX_IMAGES
    for uid in [uid for uid, count in found.items() if count <= 0]:
        wanted = _identifier("IMAGE", study_instance_uid, uid, SOPInstanceUID="")
        images = _bounded(association.find(context, wanted), left, until)
        found[uid] = len({_text(image, "SOPInstanceUID") for image in images} - {""})
        left -= found[uid]
    return {uid: count for uid, count in found.items() if count}


def _identifier(level: str, study_instance_uid: str, series_instance_uid: str, **keys: str) -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel = level
    wanted.StudyInstanceUID = study_instance_uid
    wanted.SeriesInstanceUID = series_instance_uid
    for keyword, value in keys.items():
        setattr(wanted, keyword, value)
    return wanted


def _bounded(answers: Iterable[Dataset], most: int, until: float) -> Iterator[Dataset]:
    for number, answer in enumerate(answers):
        if number >= most or time.monotonic() > until:
            raise Unavailable("the node answers without end")
        yield answer


def _text(answer: Dataset, keyword: str) -> str:
    """A value as it stands there, whatever it should be."""
    return str(answer.get(keyword) or "").strip(" \0")


def _number(answer: Dataset, keyword: str) -> int:
    """0 for what is no number."""
    try:
        return int(_text(answer, keyword))
    except ValueError:
        return 0
