"""The link board: one line for each node of each hospital, as somebody on night duty scans it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from storage.links import OPEN_FRESH
from storage.silence import HOUR, Silence, Usual, hour_of, judge
from storage.sites import Node, Site, all_nodes, all_sites
from storage.tables import link, link_hour, link_trouble, open_association, study_sender

TREND_HOURS = 24
_FORGOTTEN_AFTER = timedelta(days=30)
"""A link whose node is no longer registered stays on the board so long."""


class LinkState(StrEnum):
    """What a link needs; the order of definition is the order of urgency."""

    SILENT = "SILENT"
    """nothing came for longer than usual"""
    TROUBLE = "TROUBLE"
    """something went wrong in the last day and was not made good"""
    NEVER = "NEVER"
    """registered, and never called"""
    LEARNING = "LEARNING"
    """works, with too little history to tell when silence is unusual"""
    OK = "OK"


@dataclass(frozen=True)
class Today:
    """What came since local midnight of the hospital."""

    images: int = 0
    duplicate: int = 0
    studies: int = 0
    bytes: int = 0
    held_aside: int = 0
    failed: int = 0
    associations: int = 0


@dataclass(frozen=True)
class Trouble:
    """What went wrong in the last 24 hours, how often, and in which hour last."""

    reason: str
    count: int
    last_hour: datetime


@dataclass(frozen=True)
class LinkLine:
    """One node. `hours` are the images of the last 24 hours, the present one last."""

    site: str
    ae_title: str
    host: str
    address: str
    tls: bool
    registered: bool
    state: LinkState
    last_seen_at: datetime | None
    last_image_at: datetime | None
    last_trouble: str
    last_trouble_at: datetime | None
    today: Today
    hours: tuple[int, ...]
    troubles: tuple[Trouble, ...]
    open_associations: int
    sending: int
    silence: Silence | None
    usual_gap_hours: float | None


def board(connection: Connection, now: datetime, sites: Iterable[str] | None = None) -> list[LinkLine]:
    """The lines of these hospitals (all of them for None), what needs somebody first."""
    of_sites = {site.code: site for site in all_sites(connection)}
    wanted = set(of_sites) if sites is None else set(of_sites) & set(sites)
    past = _Past(connection, now, [of_sites[code] for code in sorted(wanted)])
    nodes = [node for node in all_nodes(connection) if node.site in wanted]
    rows = connection.execute(select(link).where(link.c.site.in_(sorted(wanted)))).all()
    called = [(row, _node_of(row, nodes)) for row in rows]
    lines = [
        _line(row, node is not None, past, of_sites[row.site])
        for row, node in called
        if node is not None or row.last_seen_at > now - _FORGOTTEN_AFTER
    ]
    heard = {node for _, node in called}
    lines += [_unheard(node, past) for node in nodes if node not in heard]
    urgency = list(LinkState)
    return sorted(lines, key=lambda line: (urgency.index(line.state), line.site, line.ae_title, line.host))


def _node_of(row: Any, nodes: Iterable[Node]) -> Node | None:
    same = (
        n for n in nodes if (n.site, n.host) == (row.site, row.host) and n.ae_title in (row.ae_title, "*")
    )
    return min(same, key=lambda node: node.ae_title == "*", default=None)


def _line(row: Any, registered: bool, past: _Past, site: Site) -> LinkLine:
    usual = Usual.from_json(row.usual)
    quiet = judge(usual, row.last_image_at, past.now, site.timezone) if usual and row.last_image_at else None
    key = (row.site, row.ae_title, row.host)
    return LinkLine(
        site=row.site,
        ae_title=row.ae_title,
        host=row.host,
        address=row.address,
        tls=row.tls,
        registered=registered,
        state=_state(row, registered and not past.sending[key], quiet, past.now),
        last_seen_at=row.last_seen_at,
        last_image_at=row.last_image_at,
        last_trouble=row.last_trouble,
        last_trouble_at=row.last_trouble_at,
        today=past.today(row, site),
        hours=past.trend(row.id),
        troubles=past.troubles.get(row.id, ()),
        open_associations=past.open[key],
        sending=past.sending[key],
        silence=quiet,
        usual_gap_hours=usual.gap_hours if usual else None,
    )


def _state(row: Any, awaited: bool, quiet: Silence | None, now: datetime) -> LinkState:
    if awaited and quiet is not None and quiet.unusual:
        return LinkState.SILENT
    if row.last_trouble and row.last_trouble_at > now - timedelta(hours=TREND_HOURS):
        return LinkState.TROUBLE
    return LinkState.LEARNING if quiet is None else LinkState.OK


def _unheard(node: Node, past: _Past) -> LinkLine:
    key = (node.site, node.ae_title, node.host)
    return LinkLine(
        site=node.site,
        ae_title=node.ae_title,
        host=node.host,
        address="",
        tls=False,
        registered=True,
        state=LinkState.NEVER,
        last_seen_at=None,
        last_image_at=None,
        last_trouble="",
        last_trouble_at=None,
        today=Today(),
        hours=(0,) * TREND_HOURS,
        troubles=(),
        open_associations=past.open[key],
        sending=past.sending[key],
        silence=None,
        usual_gap_hours=None,
    )


class _Past:
    """The last 24 hours of all links, read in a handful of statements."""

    def __init__(self, connection: Connection, now: datetime, sites: list[Site]) -> None:
        self.now = now
        self._first = hour_of(now) - (TREND_HOURS - 1) * HOUR
        codes = [site.code for site in sites]
        self._hours: dict[int, list[Any]] = defaultdict(list)
        recent = select(link_hour).join(link).where(link_hour.c.hour >= self._first, link.c.site.in_(codes))
        for row in connection.execute(recent):
            self._hours[row.link].append(row)
        self.troubles = _troubles(connection, self._first, codes)
        self.open, self.sending = _open(connection, now)
        self._studies = _studies_today(connection, now, sites)

    def today(self, row: Any, site: Site) -> Today:
        """Counts since the hospital's midnight."""
        midnight = _midnight(self.now, site.timezone)
        hours = [hour for hour in self._hours[row.id] if hour.hour >= midnight]
        return Today(
            images=sum(hour.stored for hour in hours),
            duplicate=sum(hour.duplicate for hour in hours),
            studies=self._studies.get((row.site, row.ae_title), 0),
            bytes=sum(hour.bytes for hour in hours),
            held_aside=sum(hour.held_aside for hour in hours),
            failed=sum(hour.failed for hour in hours),
            associations=sum(hour.associations for hour in hours),
        )

    def trend(self, link_id: int) -> tuple[int, ...]:
        """Images by hour, oldest first."""
        bars = [0] * TREND_HOURS
        for row in self._hours[link_id]:
            bars[min(TREND_HOURS - 1, (row.hour - self._first) // HOUR)] += row.stored + row.duplicate
        return tuple(bars)


def _midnight(now: datetime, timezone: str) -> datetime:
    return now.astimezone(ZoneInfo(timezone)).replace(hour=0, minute=0, second=0, microsecond=0)


def _troubles(connection: Connection, since: datetime, codes: list[str]) -> Mapping[int, tuple[Trouble, ...]]:
    count, last = func.sum(link_trouble.c.count), func.max(link_trouble.c.hour)
    query = (
        select(link_trouble.c.link, link_trouble.c.reason, count.label("times"), last.label("last"))
        .join(link)
        .where(link_trouble.c.hour >= since, link.c.site.in_(codes))
        .group_by(link_trouble.c.link, link_trouble.c.reason)
        .order_by(last.desc(), link_trouble.c.reason)
    )
    found: dict[int, tuple[Trouble, ...]] = {}
    for row in connection.execute(query):
        found[row.link] = (*found.get(row.link, ()), Trouble(row.reason, int(row.times), row.last))
    return found


def _open(connection: Connection, now: datetime) -> tuple[Counter[Any], Counter[Any]]:
    fresh = open_association.c.seen_at >= now - OPEN_FRESH
    rows = connection.execute(select(open_association).where(fresh)).all()
    keys = [((row.site, row.ae_title, row.host), row.sending) for row in rows]
    return Counter(key for key, _ in keys), Counter(key for key, sending in keys if sending)


def _studies_today(connection: Connection, now: datetime, sites: list[Site]) -> dict[tuple[str, str], int]:
    """By (site, AE title); one statement for each time zone, of which there are few."""
    zones: dict[str, list[str]] = defaultdict(list)
    for site in sites:
        zones[site.timezone].append(site.code)
    key = (study_sender.c.site, study_sender.c.ae_title)
    found: dict[tuple[str, str], int] = {}
    for zone, codes in zones.items():
        today = (study_sender.c.site.in_(codes), study_sender.c.ended_at >= _midnight(now, zone))
        rows = connection.execute(select(*key, func.count()).where(*today).group_by(*key))
        found |= {(row[0], row[1]): row[2] for row in rows}
    return found
