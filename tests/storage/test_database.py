"""What a database does to us, in our terms: away, full, wrong, and texts that it would not take."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from pairs import Servers
from running import free_port, wait_for
from servers.postgres import PostgresServer
from sqlalchemy import event, insert, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from storage import audit
from storage.archive import Archive
from storage.database import Database, insert_new
from storage.errors import Corrupt, Invalid, Unavailable
from storage.locks import Lock, serialize, take_if_free
from storage.tables import audit as audit_table
from storage.tables import site

SITE = {"name": "Hospital", "name_zh": "医院", "level": "county", "timezone": "Asia/Urumqi"}


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One that may be stopped."""
    with PostgresServer() as started:
        yield started


@pytest.fixture
def opened(servers: Servers) -> Iterator[Callable[[str], Database]]:
    """Opens databases of the server that all tests share; closes them."""
    found: list[Database] = []

    def open_database(url: str) -> Database:
        found.append(Database(url))
        return found[-1]

    yield open_database
    for database in found:
        database.close()


def row(code: str) -> dict[str, str]:
    return {"code": code, **SITE}


# -- both -----------------------------------------------------------------------------------------


def test_what_fails_in_the_middle_leaves_nothing(archive: Archive) -> None:
    with pytest.raises(KeyError), archive.database.write() as connection:  # noqa: PT012
        connection.execute(insert(site).values(**row("NEW")))
        raise KeyError
    with archive.database.read() as connection:
        assert connection.execute(select(site.c.code).where(site.c.code == "NEW")).first() is None


def test_a_row_that_is_there_is_ignored_and_told(archive: Archive) -> None:
    database = archive.database
    with database.write() as connection:
        assert database.insert_ignoring(connection, site, **row("NEW"))
        assert not database.insert_ignoring(connection, site, **row("NEW"))
        act = {"actor": "", "role": "", "site": "", "address": "", "action": "", "object_type": ""}
        act |= {"object_id": "", "outcome": "", "detail": {}, "prev_hash": "", "hash": ""}
        numbers = [insert_new(connection, audit_table, at=datetime.now(UTC), **act) for _ in range(2)]
    assert None not in numbers
    assert numbers == sorted(set(numbers))


def test_the_refused_row_is_in_no_error(archive: Archive) -> None:
    """PostgreSQL quotes the row in its error; a row may be a patient, and errors end in logs."""
    with pytest.raises(IntegrityError) as refused, archive.database.write() as connection:  # noqa: PT012
        connection.execute(insert(site).values(**row("SENTINEL^PAT")))
        connection.execute(insert(site).values(**row("SENTINEL^PAT")))
    assert "SENTINEL" not in str(refused.value)
    assert "SENTINEL" not in str(refused.value.orig)


def test_a_wrong_statement_is_a_bug_and_not_a_database_that_is_away(archive: Archive) -> None:
    with pytest.raises(Exception) as refused, archive.database.read() as connection:  # noqa: PT011 - by its kind
        connection.execute(text("select nonsense from nowhere"))
    assert not isinstance(refused.value, Unavailable)


@pytest.mark.parametrize("value", ["Wang\0Li", "\0", "x" * 5000, "half \ud83d of one", "王小明\0\0"])
def test_no_text_is_refused(archive: Archive, value: str) -> None:
    with archive.database.write() as connection:
        audit.append(
            connection, audit.Act("look", "study", "1", actor=value, address=value, detail={"a": value})
        )
    with archive.database.read() as connection:
        found = connection.execute(select(audit_table)).mappings().all()[-1]
        assert list(audit.broken_rows(connection)) == []
    assert found["actor"] == value.replace("\0", "").replace("\ud83d", "?")
    assert found["detail"] == {"a": value}


def test_a_lock_is_held_until_the_transaction_ends(archive: Archive) -> None:
    order: list[str] = []

    def second() -> None:
        with archive.database.write() as connection:
            serialize(connection, Lock.CHANGES)
            order.append("second")

    thread = threading.Thread(target=second)
    with archive.database.write() as connection:
        serialize(connection, Lock.CHANGES)
        assert take_if_free(connection, Lock.ARRIVALS)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://localhost/farlight", "postgresql://[::1/farlight", "oracle://x",
     "postgresql://localhost/x?connections=many", "postgresql://localhost/x?connections=0",
     "postgresql://localhost/x?no_such_word=1"],
)  # fmt: skip
def test_a_wrong_address_is_named_without_its_password(url: str) -> None:
    with pytest.raises(Invalid, match="FARLIGHT_DATABASE_URL") as refused:
        Database(url.replace("://", "://user:sentinel-secret@", 1))
    assert "sentinel-secret" not in refused.value.message


# -- SQLite ---------------------------------------------------------------------------------------


def test_a_full_disk_under_sqlite_is_unavailable_and_passes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'full.db'}")
    event.listen(database.engine, "connect", lambda opened, _: opened.execute("pragma max_page_count = 40"))
    with database.write() as connection:
        connection.exec_driver_sql("create table filler (content blob)")
    with pytest.raises(Unavailable, match="full"), database.write() as connection:
        connection.exec_driver_sql("insert into filler values (zeroblob(1000000))")
    with database.write() as connection:
        connection.exec_driver_sql("insert into filler values (zeroblob(10))")
    database.close()


def test_a_turn_that_cannot_be_taken_is_unavailable_and_passes(tmp_path: Path) -> None:
    """No descriptors, no rights, no folder: all of them errors of opening."""
    database = Database(f"sqlite:///{tmp_path / 'farlight.db'}")
    (tmp_path / "farlight.db-turn").mkdir()
    with pytest.raises(Unavailable, match="cannot be locked"), database.write():
        pass
    (tmp_path / "farlight.db-turn").rmdir()
    with database.write() as connection:
        connection.exec_driver_sql("create table t (x)")
    database.close()


def test_a_damaged_sqlite_file_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "damaged.db").write_bytes(b"this was a database once" * 1000)
    database = Database(f"sqlite:///{tmp_path / 'damaged.db'}")
    with pytest.raises(Corrupt, match="not a database"):
        database.check()
    database.close()


# -- PostgreSQL -----------------------------------------------------------------------------------


def test_nobody_there_is_unavailable_at_once(opened: Callable[[str], Database]) -> None:
    with pytest.raises(Unavailable, match="refused"):
        opened(f"postgresql://farlight@127.0.0.1:{free_port()}/farlight").check()


def test_a_database_that_is_missing_is_named(servers: Servers, opened: Callable[[str], Database]) -> None:
    with pytest.raises(Unavailable, match='database "absent" does not exist'):
        opened(servers.postgres.url("absent")).check()


def test_a_database_in_another_encoding_is_refused(
    servers: Servers, opened: Callable[[str], Database]
) -> None:
    name = servers.postgres.create("template0", "encoding 'LATIN1' locale 'C'")
    with pytest.raises(Invalid, match=r"LATIN1.*UTF8"):
        opened(servers.postgres.url(name)).check()
    servers.postgres.drop(name)


def test_commits_are_synced_whatever_the_server_prefers(
    servers: Servers, opened: Callable[[str], Database]
) -> None:
    name = servers.postgres.create()
    servers.postgres.execute(f"alter database {name} set synchronous_commit = off")
    with opened(servers.postgres.url(name)).write() as connection:
        assert connection.execute(text("show synchronous_commit")).scalar_one() == "on"
        assert connection.execute(text("show transaction_isolation")).scalar_one() == "read committed"
        assert connection.execute(text("show lock_timeout")).scalar_one() != "0"
    servers.postgres.drop(name)


def test_a_server_that_syncs_nothing_is_doubted(
    servers: Servers, tmp_path: Path, opened: Callable[[str], Database]
) -> None:
    """The tests' own server is one: quick, and no place for patients."""
    found = opened(servers.postgres.url()).doubts()
    assert [doubt.split()[3] for doubt in found] == ["fsync", "full_page_writes"]
    assert opened(f"sqlite:///{tmp_path / 'x.db'}").doubts() == []
    with PostgresServer(durable=True) as durable:
        assert opened(durable.url()).doubts() == []


def test_a_reader_writes_nothing(servers: Servers, opened: Callable[[str], Database]) -> None:
    with pytest.raises(Unavailable, match="read-only"), opened(servers.postgres.url()).read() as connection:
        connection.execute(text("create table t (x int)"))


def test_a_database_that_may_only_be_read_is_unavailable(
    servers: Servers, opened: Callable[[str], Database]
) -> None:
    name = servers.postgres.create()
    servers.postgres.execute(f"alter database {name} set default_transaction_read_only = on")
    with pytest.raises(Unavailable, match="read-only"):
        opened(servers.postgres.url(name)).check()
    servers.postgres.execute(f"drop database {name}")


def test_no_connection_left_is_unavailable(servers: Servers, opened: Callable[[str], Database]) -> None:
    name = servers.postgres.create("template0", "connection limit 1")
    servers.postgres.execute("create role guest login")
    url = servers.postgres.url(name).replace("farlight@", "guest@")
    with opened(url).read(), pytest.raises(Unavailable, match="too many connections"):
        opened(url).check()
    servers.postgres.drop(name)
    servers.postgres.execute("drop role guest")


def test_of_two_that_wait_for_each_other_one_gives_way(
    servers: Servers, opened: Callable[[str], Database]
) -> None:
    database = opened(servers.postgres.url(servers.postgres.create()))
    both = threading.Barrier(2)
    outcomes: list[str] = []

    def take(first: Lock, then: Lock) -> None:
        try:
            with database.write() as connection:
                serialize(connection, first)
                both.wait(10)
                serialize(connection, then)
            outcomes.append("done")
        except Unavailable as why:
            outcomes.append(why.message)

    threads = [threading.Thread(target=take, args=pair) for pair in ((7101, 7102), (7102, 7101))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert "done" in outcomes
    assert any("deadlock" in outcome for outcome in outcomes)


@pytest.mark.parametrize("sqlstate", ["53100", "53200", "53300", "57P01", "57P03", "40001", "58030", "08006"])
def test_errors_that_pass_are_unavailable(
    servers: Servers, opened: Callable[[str], Database], sqlstate: str
) -> None:
    """Disk full, out of memory, too many connections, shutdown, start-up, serialization, I/O, connection: the server
    itself raises them here, in a real transaction."""
    raised = f"do $$ begin raise exception 'so it is' using errcode = '{sqlstate}'; end $$"
    database = opened(servers.postgres.url())
    with pytest.raises(Unavailable, match="so it is"), database.write() as connection:
        connection.exec_driver_sql(raised)
    database.check()


def test_a_bug_in_a_statement_stays_a_bug(servers: Servers, opened: Callable[[str], Database]) -> None:
    with pytest.raises(ProgrammingError), opened(servers.postgres.url()).read() as connection:
        connection.execute(text("select nonsense"))


def test_a_restarted_server_is_found_again(server: PostgresServer, opened: Callable[[str], Database]) -> None:
    database = opened(server.url())
    with pytest.raises(Unavailable), database.write() as connection:  # noqa: PT012 - in mid-transaction
        connection.execute(text("create table t (x int)"))
        server.stop()  # it ends every transaction
        connection.execute(text("insert into t values (1)"))
    with pytest.raises(Unavailable):
        database.check()
    server.start()
    with database.write() as connection:
        connection.execute(text("create table t (x int)"))
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("select count(*) from t").fetchone() == (0,)


def test_the_server_ends_with_the_tests() -> None:
    """Whatever becomes of pytest: here its process is killed, as a power cut would."""
    script = (
        "import os, signal, sys; sys.path[:0] = sys.argv[1:]\n"
        "from servers.postgres import PostgresServer\n"
        "server = PostgresServer().start(); print(server.url(), flush=True); print(server.folder, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tests), str(tests.parent)],
        capture_output=True, text=True, timeout=60, env=dict(os.environ),
    )  # fmt: skip
    url, folder = done.stdout.split()
    wait_for("PostgreSQL to end", lambda: not answers(url))
    shutil.rmtree(folder, ignore_errors=True)


def answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
