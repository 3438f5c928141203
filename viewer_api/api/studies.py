"""What a hospital's people see of what they sent: studies, what was held aside, callers that were refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from storage.errors import Denied
from storage.sites import all_refusals
from viewer_api.access import Caller, caller
from viewer_api.moments import iso
from worklist.received import StudyFilters, held_aside_of, received, received_total
from worklist.roles import Role

router = APIRouter()
Calling = Annotated[Caller, Depends(caller)]


@router.get("/studies")
def studies(
    calling: Calling,
    site: Annotated[str, Query(max_length=16)] = "",
    text: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**31)] = 0,
) -> dict[str, Any]:
    """Received studies, the latest first."""
    filters = StudyFilters(calling.visible_studies(), site, text)
    with calling.archive.database.read() as connection:
        items = received(connection, filters, limit, offset)
        total = received_total(connection, filters)
    return {
        "items": [{**asdict(item), "received_at": iso(item.received_at)} for item in items],
        "total": total,
    }


@router.get("/conflicts")
def conflicts(calling: Calling, site: Annotated[str, Query(max_length=16)] = "") -> list[dict[str, Any]]:
    """What came under a known identifier with other content; both are kept."""
    own = sorted(calling.person.sites if not site else calling.person.sites & {site})
    with calling.archive.database.read() as connection:
        found = held_aside_of(connection, own)
    return [{**asdict(item), "received_at": iso(item.received_at)} for item in found]


@router.get("/refusals")
def refusals(calling: Calling) -> list[dict[str, Any]]:
    """Callers that the DICOM node turned away, so that a device can be adopted; for administrators."""
    admins = {Role.INSTITUTION_ADMIN, Role.PLATFORM_ADMIN}
    if not any(m.role in admins for m in calling.person.memberships):
        raise Denied("refused callers are for administrators")
    with calling.archive.database.read() as connection:
        found = all_refusals(connection)
    return [{**asdict(r), "first_at": iso(r.first_at), "last_at": iso(r.last_at)} for r in found]
