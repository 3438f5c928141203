"""PostgreSQL (psycopg 3): an engine that waits for nothing for ever and promises no commit that is not on disk."""

from __future__ import annotations

from typing import Any

from psycopg import ProgrammingError
from psycopg.adapt import Buffer
from psycopg.conninfo import make_conninfo
from psycopg.types.string import StrDumper
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError

from storage.errors import Invalid

CONNECTIONS = 20
"""At most so many per process, unless the address says otherwise (``?connections=30``)."""
_KEPT_OPEN = 5
_WAIT_FOR_CONNECTION_S = 15

_CONNECTING = {
    "application_name": "farlight",
    "client_encoding": "utf8",
    "connect_timeout": "5",
    "target_session_attrs": "read-write",  # a standby is no place for us; of several hosts take the one that leads
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_SESSION = """
select set_config('statement_timeout', '120s', false),
       set_config('lock_timeout', '30s', false),
       set_config('idle_in_transaction_session_timeout', '10min', false),
       case when current_setting('synchronous_commit') = 'off'
            then set_config('synchronous_commit', 'on', false) end
"""
"""A transaction that forgot its end must not hold others up for ever, and a commit is answered when it is on disk."""

_AWAY_CLASSES = frozenset({"08", "40", "53", "57", "58"})
"""SQLSTATE classes: connection, deadlock and serialization, resources, operator's intervention, system error."""
_AWAY = frozenset({"55P03", "25006", "25P03", "25P04"})
"""Lock not available, read-only, a transaction that idled or lasted for too long."""
_DAMAGED = frozenset({"XX001", "XX002"})


def postgresql_engine(url: URL) -> Engine:
    """An engine for the address. Raises `Invalid` for parameters that are none; connects to nobody yet."""
    connections = _connections(url)
    driven = url.set(drivername="postgresql+psycopg").difference_update_query(["connections"])
    connecting = {key: value for key, value in _CONNECTING.items() if key not in driven.query}
    kept = min(_KEPT_OPEN, connections)
    engine = create_engine(
        driven,
        isolation_level="READ COMMITTED",
        pool_size=kept,
        max_overflow=connections - kept,
        pool_timeout=_WAIT_FOR_CONNECTION_S,
        pool_pre_ping=True,
        pool_use_lifo=True,  # what is not needed is closed by the server's idle limits, not kept warm in turn
        hide_parameters=True,  # parameters may be patient data, and errors end in logs
        connect_args=connecting,
    )
    _check_parameters(engine, driven)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "handle_error", _forget_values)
    return engine


def doubts(connection: Connection) -> list[str]:
    """What the server is set to that would let a power cut take what was acknowledged."""
    settings = {"fsync": "what was acknowledged may be lost", "full_page_writes": "pages may be torn"}
    return [
        f"PostgreSQL runs with {name} = off: {why} when the power fails"
        for name, why in settings.items()
        if connection.execute(text(f"show {name}")).scalar_one() == "off"
    ]


def is_away(why: DBAPIError) -> bool:
    """Whether the same transaction may succeed later: the server is away, full, or chose this one to give way."""
    state = _state(why)
    if not state:  # nobody answered, or the connection broke before anybody could say why
        return isinstance(why, InterfaceError) or why.connection_invalidated or _never_sent(why)
    return state[:2] in _AWAY_CLASSES or state in _AWAY


def is_damaged(why: DBAPIError) -> bool:
    """Whether the server found its own files broken."""
    return _state(why) in _DAMAGED


def _state(why: DBAPIError) -> str:
    return getattr(why.orig, "sqlstate", None) or ""


def _never_sent(why: DBAPIError) -> bool:
    """psycopg says OperationalError without a SQLSTATE when there is no connection to say it over."""
    return type(why.orig).__name__ in ("OperationalError", "ConnectionTimeout")


def _connections(url: URL) -> int:
    given = url.query.get("connections", str(CONNECTIONS))
    if (
        not isinstance(given, str)
        or not given.isascii()
        or not given.isdigit()
        or not 2 <= int(given) <= 1000
    ):
        raise Invalid("FARLIGHT_DATABASE_URL: connections is a number from 2 to 1000")
    return int(given)


def _check_parameters(engine: Engine, url: URL) -> None:
    _, given = engine.dialect.create_connect_args(url)
    given.pop("context", None)
    try:
        make_conninfo(**given)
    except ProgrammingError as why:
        raise Invalid(f"FARLIGHT_DATABASE_URL: {str(why).strip()}") from why


def _prepare(connection: Any, _record: Any) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        name = connection.info.dbname
        connection.close()
        raise Invalid(
            f"the database {name} is kept in {encoding}, which cannot hold every name: make one in UTF8"
            " (createdb --template template0 --encoding UTF8)"
        )
    connection.adapters.register_dumper(str, _TextDumper)
    connection.autocommit = True
    connection.execute(_SESSION).close()
    connection.autocommit = False


def _forget_values(context: ExceptionContext) -> None:
    """A DETAIL line quotes the row that was refused, which may be a patient, and errors end in logs."""
    for why in (context.original_exception, context.sqlalchemy_exception):
        if why is not None and why.args and "DETAIL:" in str(why.args[0]):
            why.args = (str(why.args[0]).partition("DETAIL:")[0].rstrip(), *why.args[1:])


class _TextDumper(StrDumper):
    """Text as PostgreSQL takes it: it has no place for U+0000, which old devices pad with, nor for half a character.

    Losing either is no reason to refuse what somebody sent; its bytes are in the blob as they came.
    """

    def dump(self, obj: str) -> Buffer | None:
        """UTF-8 without what cannot be said in it."""
        return obj.replace("\0", "").encode("utf-8", "replace")
