"""What a hospital's people see of what they sent: studies, how complete they are, what was held aside."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field

from storage.audit import Act, append
from storage.completeness import gaps
from storage.errors import Denied, NotFound
from storage.expectations import Source, forget_expected, record_expected
from viewer_api.access import Caller, caller
from viewer_api.api.shapes import completeness_shape
from viewer_api.moments import iso
from worklist.received import ReceivedStudy, StudyFilters, held_aside_of, received, received_total, row_of
from worklist.roles import Role

router = APIRouter()
Calling = Annotated[Caller, Depends(caller)]
SiteCode = Annotated[str, Path(max_length=16)]
StudyUid = Annotated[str, Path(min_length=1, max_length=64)]

_DECLARERS = frozenset({Role.TECHNICIAN, Role.REFERRING_DOCTOR, Role.INSTITUTION_ADMIN, Role.SERVICE})


class Expected(BaseModel, extra="forbid"):
    """How many instances a study has, perhaps by SeriesInstanceUID."""

    instances: int = Field(ge=1, le=1_000_000)
    series: dict[
        Annotated[str, Field(pattern=r"^[0-9.]{1,64}$")], Annotated[int, Field(ge=0, le=1_000_000)]
    ] = Field(default_factory=dict, max_length=2000)


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
    return {"items": [_study_shape(item) for item in items], "total": total}


@router.get("/studies/{site}/{study_instance_uid}")
def study(calling: Calling, site: SiteCode, study_instance_uid: StudyUid) -> dict[str, Any]:
    """One study, with the holes in its instance numbers as a hint."""
    with calling.archive.database.read() as connection:
        found = received(
            connection, StudyFilters(calling.visible_studies(), site, "", study_instance_uid), 1, 0
        )
        if not found:
            raise NotFound("there is no such study")
        holes = gaps(connection, row_of(connection, site, study_instance_uid))
    return {**_study_shape(found[0]), "gaps": [asdict(hole) for hole in holes]}


@router.put("/studies/{site}/{study_instance_uid}/expected", status_code=204)
def expect(calling: Calling, site: SiteCode, study_instance_uid: StudyUid, body: Expected) -> None:
    """Say how many instances the study has; it need not have come yet. For people and programs of its hospital."""
    database = calling.archive.database
    with database.write() as connection:
        append(connection, _declared(calling, site, study_instance_uid, {"instances": body.instances}))
        record_expected(
            database,
            connection,
            site=site,
            study_instance_uid=study_instance_uid,
            source=Source.DECLARED,
            instances=body.instances,
            series=body.series,
            at=datetime.now(UTC),
        )


@router.delete("/studies/{site}/{study_instance_uid}/expected", status_code=204)
def expect_no_more(calling: Calling, site: SiteCode, study_instance_uid: StudyUid) -> None:
    """Take the declared number back."""
    with calling.archive.database.write() as connection:
        append(connection, _declared(calling, site, study_instance_uid, {"instances": None}))
        key = {"site": site, "study_instance_uid": study_instance_uid}
        if not forget_expected(connection, **key, source=Source.DECLARED):
            raise NotFound("nothing was declared for this study")


def _declared(calling: Caller, site: str, study_instance_uid: str, detail: dict[str, Any]) -> Act:
    """The act for the record. Raises `Denied` for others than the hospital's own."""
    roles = calling.person.roles_at(site) & _DECLARERS
    if not roles:
        raise Denied("the number of images is declared by the hospital that sends them")
    person = calling.person
    role = ",".join(sorted(roles))[:64]
    who = {"actor": person.username, "role": role, "address": person.address}
    return Act("expect", "study", study_instance_uid, **who, site=site, detail=detail)


@router.get("/conflicts")
def conflicts(calling: Calling, site: Annotated[str, Query(max_length=16)] = "") -> list[dict[str, Any]]:
    """What came under a known identifier with other content; both are kept."""
    own = sorted(calling.person.sites if not site else calling.person.sites & {site})
    with calling.archive.database.read() as connection:
        found = held_aside_of(connection, own)
    return [{**asdict(item), "received_at": iso(item.received_at)} for item in found]


def _study_shape(item: ReceivedStudy) -> dict[str, Any]:
    values = {**asdict(item), "received_at": iso(item.received_at)}
    return {**values, "completeness": completeness_shape(item.completeness)}
