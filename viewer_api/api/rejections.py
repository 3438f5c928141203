"""What a hospital rejected of its images: who, why, which; and taking it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Connection

from storage.audit import append
from storage.errors import NotFound
from storage.rejecting import restore
from storage.rejection_note import REASONS
from storage.rejections import Rejection, hidden_by, rejections
from storage.retrieve import file_chunks, first_instance
from storage.tables import instance, rejection
from viewer_api.access import Caller, caller
from viewer_api.moments import iso
from viewer_api.rejecters import REJECTERS, act, require_rejecter

router = APIRouter()
Calling = Annotated[Caller, Depends(caller)]
Row = Annotated[int, Path(ge=1, le=2**62)]


class Undoing(BaseModel, extra="forbid"):
    """Why a rejection is taken back."""

    reason_text: str = Field(default="", max_length=1024)


@router.get("/rejections")
def listed(
    calling: Calling,
    site: Annotated[str, Query(max_length=16)] = "",
    study_instance_uid: Annotated[str, Query(max_length=64)] = "",
) -> list[dict[str, Any]]:
    """Rejections of the caller's hospitals, the latest first, 500 at most; those that were taken back too."""
    sites = calling.person.sites_as(REJECTERS)
    where: list[ColumnElement[bool]] = [rejection.c.site.in_(sorted(sites & {site} if site else sites))]
    if study_instance_uid:
        where.append(rejection.c.study_instance_uid == study_instance_uid)
    with calling.archive.database.read() as connection:
        return [_shape(one) for one in rejections(connection, *where)]


@router.get("/rejections/{row}")
def one(calling: Calling, row: Row) -> dict[str, Any]:
    """One of them, with the instances that it hides."""
    with calling.archive.database.read() as connection:
        found = _found(connection, calling, row)
        return {**_shape(found), "hidden": [asdict(each) for each in hidden_by(connection, row)]}


@router.get(
    "/rejections/{row}/instances/{sop_instance_uid}",
    response_class=StreamingResponse,
    responses={200: {"description": "the instance as a file", "content": {"application/dicom": {}}}},
)
def file(
    calling: Calling, row: Row, sop_instance_uid: Annotated[str, Path(max_length=64)]
) -> StreamingResponse:
    """A hidden instance as it came, for who has to look at it."""
    with calling.archive.database.read() as connection:
        of = (instance.c.rejection == _found(connection, calling, row).id,)
        held = first_instance(connection, *of, instance.c.sop_instance_uid == sop_instance_uid, rejected=True)
    if held is None:
        raise NotFound("this rejection hides no such instance")
    return StreamingResponse(file_chunks(calling.archive, held), media_type="application/dicom")


@router.post("/rejections/{row}/undo", status_code=204)
def undo(calling: Calling, row: Row, body: Undoing) -> None:
    """Take a rejection back: what it hid is seen again."""
    with calling.archive.database.read() as connection:
        found = _found(connection, calling, row)
    role = require_rejecter(calling, found.site, found.code)
    detail = {"rejection": found.sop_instance_uid, "code": found.code}
    said = act(calling, "restore-images", found.site, found.study_instance_uid, role, detail)
    restore(
        calling.archive,
        row,
        body.reason_text,
        calling.person.username,
        lambda connection: append(connection, said),
    )


def _found(connection: Connection, calling: Caller, row: int) -> Rejection:
    sites = sorted(calling.person.sites_as(REJECTERS))
    found = rejections(connection, rejection.c.id == row, rejection.c.site.in_(sites))
    if not found:
        raise NotFound("there is no such rejection")
    return found[0]


def _shape(found: Rejection) -> dict[str, Any]:
    undone = None if found.undone_at is None else iso(found.undone_at)
    return {**asdict(found), "meaning": REASONS[found.code], "at": iso(found.at), "undone_at": undone}
