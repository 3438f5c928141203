"""One way in for every byte: who calls, and which studies that person may see."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy import ColumnElement, and_

from storage.archive import Archive
from storage.errors import Denied, NotFound
from storage.tables import study
from storage.visibility import Visible
from viewer_api.sessions import COOKIE, person_of
from worklist.people import Person
from worklist.requests import studies_read_for, studies_visible_to

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """Somebody who calls, perhaps about one hospital only (`site`)."""

    person: Person
    archive: Archive
    site: str | None = None

    def visible_studies(self) -> ColumnElement[bool]:
        """The condition on `study` that every query of patient data carries."""
        visible = studies_visible_to(self.person)
        return visible if self.site is None else and_(visible, study.c.site == self.site)

    def seen(self) -> Visible:
        """The same studies as a search goes through them."""
        read_for = studies_read_for(self.person)
        if self.site is None:
            return Visible(tuple(sorted(self.person.sites)), read_for)
        if self.site in self.person.sites:
            return Visible((self.site,))
        return Visible((), and_(read_for, study.c.site == self.site))


def caller(request: Request) -> Caller:
    """The FastAPI dependency. Raises `Denied` ``UNAUTHENTICATED`` without a valid cookie or bearer token."""
    archive: Archive = request.app.state.archive
    token = token_of(request)
    address = request.client.host if request.client else ""
    with archive.database.read() as connection:
        person = person_of(connection, token, address) if token else None
    if person is None:
        raise Denied("sign in first: the session is missing, over, or was ended", code="UNAUTHENTICATED")
    return Caller(person, archive, _site(request))


def token_of(request: Request) -> str:
    """The bearer token, else the cookie's; a cookie counts for changes only if our own page sent it."""
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return bearer.strip()
    token = request.cookies.get(COOKIE, "")
    if token and request.method not in _SAFE_METHODS:
        _require_own_origin(request)
    return token


def _require_own_origin(request: Request) -> None:
    """Another site's page may make a browser send our cookie; it cannot forge the Origin header."""
    origin = request.headers.get("origin")
    hosts = {request.headers.get("host", ""), request.headers.get("x-forwarded-host", "")}
    if origin and urlsplit(origin).netloc not in hosts:
        raise Denied("this change was sent by another site's page", code="FOREIGN_ORIGIN")


def _site(request: Request) -> str | None:
    site = request.path_params.get("site")
    if site is not None and not isinstance(site, str):
        raise NotFound("no such site")
    return site
