"""The links to the hospitals, and the callers that were refused: for those who keep the lines up."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from storage.adoption import adopt, get_refusal, refusals_near
from storage.audit import Act
from storage.commitment_board import Unreported, unreported
from storage.declarations import keep_declarations
from storage.errors import Denied, NotFound
from storage.link_board import LinkLine, board
from storage.sites import Node, Refusal, Site, all_refusals, all_sites
from viewer_api.access import Caller, caller
from viewer_api.moments import iso
from worklist.people import Person
from worklist.roles import Role

router = APIRouter()
Calling = Annotated[Caller, Depends(caller)]

_OPERATORS = frozenset({Role.PLATFORM_ADMIN})
_OF_HOSPITAL = frozenset({Role.TECHNICIAN, Role.INSTITUTION_ADMIN})
_ADMINS = frozenset({Role.INSTITUTION_ADMIN})


class Adoption(BaseModel, extra="forbid"):
    """Where a refused caller belongs, and what to assume of its images."""

    site: str = Field(max_length=16)
    port: int = Field(default=104, ge=1, le=65535)
    charset: str = Field(default="", max_length=64)
    issuer: str = Field(default="", max_length=64)


@router.get("/links")
def links(calling: Calling) -> dict[str, Any]:
    """A line for each node of the caller's hospitals, what needs somebody first; of all for who runs the platform.

    `commitments` are the nodes that do not take our reports of storage commitment.
    """
    sites = _sites_as(calling.person, _OF_HOSPITAL, "links are for technicians and administrators")
    now = datetime.now(UTC)
    with calling.archive.database.read() as connection:
        names = {site.code: site for site in all_sites(connection)}
        lines = board(connection, now, sites)
        unsent = unreported(connection, sites)
    return {
        "at": iso(now),
        "sites": [_site_shape(site) for code, site in names.items() if sites is None or code in sites],
        "items": [_line_shape(line, names[line.site]) for line in lines],
        "commitments": [_unreported_shape(one, names[one.site]) for one in unsent],
    }


@router.get("/refusals")
def refusals(calling: Calling) -> list[dict[str, Any]]:
    """Callers that the DICOM node turned away, so that a device can be adopted; for administrators.

    A refused caller is nobody's: a hospital's administrator sees those from addresses or under titles of its nodes.
    """
    sites = _sites_as(calling.person, _ADMINS, "refused callers are for administrators")
    with calling.archive.database.read() as connection:
        found = _refusals(connection, sites)
    return [{**asdict(one), "first_at": iso(one.first_at), "last_at": iso(one.last_at)} for one in found]


@router.post("/refusals/{refusal_id}/adopt", status_code=201)
def adopt_refused(
    calling: Calling, refusal_id: Annotated[int, Path(ge=1, le=2**53)], body: Adoption
) -> dict[str, Any]:
    """Make the refused caller a node of a hospital, from the address it called from."""
    person = calling.person
    sites = _sites_as(person, _ADMINS, "devices are adopted by administrators")
    if sites is not None and body.site not in sites:
        raise Denied("a device is adopted for a hospital of one's own")
    database = calling.archive.database
    with database.write() as connection:
        found = get_refusal(connection, refusal_id)
        if found not in _refusals(connection, sites):
            raise NotFound("this refused caller is no longer listed")
        wanted = Node(
            body.site,
            found.calling_ae_title,
            found.address,
            body.port,
            charset=body.charset,
            issuer=body.issuer,
        )
        role = Role.PLATFORM_ADMIN if sites is None else Role.INSTITUTION_ADMIN
        act = Act("", "", "", actor=person.username, role=role.value, address=person.address)
        node = adopt(database, connection, wanted, act)
    keep_declarations(calling.archive)
    return {name: getattr(node, name) for name in ("site", "ae_title", "host", "port", "charset", "issuer")}


def _sites_as(person: Person, roles: frozenset[Role], otherwise: str) -> frozenset[str] | None:
    """The hospitals that a person may look after as one of `roles`; None means all. Raises `Denied`."""
    if person.sites_as(_OPERATORS):
        return None
    sites = person.sites_as(roles)
    if not sites:
        raise Denied(otherwise)
    return sites


def _refusals(connection: Connection, sites: frozenset[str] | None) -> list[Refusal]:
    return all_refusals(connection) if sites is None else refusals_near(connection, sites)


def _line_shape(line: LinkLine, site: Site) -> dict[str, Any]:
    return {
        **asdict(line),
        "site": _site_shape(site),
        "state": line.state.value,
        "last_seen_at": iso(line.last_seen_at),
        "last_image_at": iso(line.last_image_at),
        "last_trouble_at": iso(line.last_trouble_at),
        "troubles": [{**asdict(one), "last_hour": iso(one.last_hour)} for one in line.troubles],
        "hours": list(line.hours),
    }


def _unreported_shape(one: Unreported, site: Site) -> dict[str, Any]:
    return {**asdict(one), "site": _site_shape(site), "since": iso(one.since)}


def _site_shape(site: Site) -> dict[str, str]:
    return {"site": site.code, "name": site.name, "name_zh": site.name_zh}
