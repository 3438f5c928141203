"""A past for the links of the tests' hospitals, written as the node writes it: one busy, one silent, one in trouble."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from storage.archive import Archive
from storage.commitments import Reference, ask, postponed
from storage.links import AssociationSummary, OpenAssociation, record_association, report_open
from storage.sites import Node, put_node, record_refusal

DAYS = 21


def write_past(archive: Archive, now: datetime) -> None:
    """Three weeks, up to `now`."""
    chance = random.Random(3)
    busy = {"site": "KASHI", "ae_title": "KASHI_PACS", "host": "127.0.0.1", "address": "127.0.0.1"}
    silent = {
        "site": "KASHI",
        "ae_title": "KASHI_CT2",
        "host": "10.20.0.7",
        "address": "10.20.0.7",
        "tls": True,
    }
    broken = {"site": "AKSU", "ae_title": "AKSU_CT", "host": "*", "address": "10.31.4.2"}
    with archive.database.write() as connection:
        put_node(archive.database, connection, Node("KASHI", "KASHI_CT2", "10.20.0.7", 104))
        for hours in range(DAYS * 24, -1, -1):
            at = now - timedelta(hours=hours, minutes=5)
            local = (at + timedelta(hours=6)).hour
            images = chance.randint(60, 480) if 8 <= local < 20 else chance.randint(0, 40)
            _record(archive, connection, at, images, **busy)
            if hours > 9:
                _record(archive, connection, at, images // 3 + 1, **silent)
            if hours % 4 == 0:
                _record(archive, connection, at, images // 2, **broken)
        late = now - timedelta(minutes=12)
        why = {"failed": 3, "reasons": {"A700": 3}}
        _record(archive, connection, late, 20, ended="lost", studies={"1.2.3": 20}, **why, **broken)
        _record(archive, connection, late, 2, held_aside=2, reasons={"OTHER_PATIENT": 2}, **broken)
        sending = OpenAssociation("KASHI", "KASHI_PACS", late, "127.0.0.1", "", sending=True)
        report_open(connection, process="past", associations=[sending], at=datetime.now(UTC))
        for title, address in (("NEW_CT", "127.0.0.1"), ("SCANNER", "10.99.1.4")):
            why = "calling AE title not recognized"
            record_refusal(archive.database, connection, title, "FARLIGHT", address, why)
        wrong = "called AE title not recognized"
        record_refusal(archive.database, connection, "KASHI_PACS", "OLD_NAME", "127.0.0.1", wrong)
    about = {"site": "KASHI", "ae_title": "KASHI_CT2", "transaction_uid": "1.2.3.4"}
    asked = ask(archive.database, **about, references=[Reference("1.2", "1.2.3")])
    postponed(archive.database, asked, "no connection to KASHI_CT2 at 10.20.0.7:104")


def _record(
    archive: Archive, connection, at: datetime, images: int, ended: str = "released", **values
) -> None:
    """An association of two minutes with so many images of half a megabyte."""
    values.setdefault("studies", {f"1.2.{at:%Y%m%d%H}": images} if images else {})
    record_association(
        archive.database,
        connection,
        AssociationSummary(
            **{"stored": images, "bytes": images * 524_288, **values},
            began_at=at - timedelta(minutes=2),
            ended_at=at,
            ended=ended,
        ),
    )
