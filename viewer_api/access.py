"""One way in for every byte: who calls, and which studies that person may see."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy import ColumnElement, and_

from storage.archive import Archive
from storage.errors import Denied, NotFound
from storage.tables import study
from storage.visibility import Visible
from viewer_api.remembered import remembered
from viewer_api.sessions import COOKIE, Holder, holder_of
from worklist.people import Person, token_hash
from worklist.requests import studies_read_for, studies_visible_to

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Caller:
    """Somebody who calls, perhaps about one hospital only (`site`). `moment` is when (`viewer_api.remembered`)."""

    person: Person
    archive: Archive
    site: str | None = None
    moment: Hashable = field(default=None, compare=False)

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
    known = remembered(archive.database)
    moment = known.now()
    token = token_of(request)
    address = request.client.host if request.client else ""
    holder = (
        known.get(moment, ("holder", token_hash(token), address), lambda: _holder(archive, token, address))
        if token
        else None
    )
    if holder is None or holder.is_over():
        raise Denied("sign in first: the session is missing, over, or was ended", code="UNAUTHENTICATED")
    return Caller(holder.person, archive, _site(request), moment)


def _holder(archive: Archive, token: str, address: str) -> Holder | None:
    with archive.database.read() as connection:
        return holder_of(connection, token, address)


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
