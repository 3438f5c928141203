"""Whether anything was committed since, asked of both kinds of database by a process that did not commit it."""

from __future__ import annotations

from sqlalchemy import insert, select

from storage.database import Database
from storage.database_moment import Moments
from storage.tables import site


def row(code: str) -> dict[str, str]:
    return {"code": code, "name": code, "name_zh": code, "level": "county", "timezone": "Asia/Urumqi"}


def test_the_moment_stays_until_somebody_commits(archive):
    moments = Moments(archive.database)
    other = Database(archive.database.url)  # as another process has it
    before = moments.now()
    assert moments.now() == before
    with archive.database.read() as connection:
        connection.execute(select(site)).all()
    assert moments.now() == before, "reading changes nothing"
    for number, database in enumerate((other, archive.database, other)):
        with database.write() as connection:
            connection.execute(insert(site).values(**row(f"M{number}")))
        now = moments.now()
        assert now != before, "somebody committed"
        before = now
    moments.close()
    if archive.database.embedded:
        assert moments.now() != before, "whoever counts anew, remembers nothing"
    moments.close()
    other.close()


def test_what_is_not_committed_is_not_seen(archive):
    moments = Moments(archive.database)
    moments.now()
    with archive.database.write() as connection:
        connection.execute(insert(site).values(**row("MX")))
        within = moments.now()
    assert moments.now() != within
    moments.close()
