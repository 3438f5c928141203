"""DELETE of a study, series or instance: it is rejected, not deleted (IHE IOCM, `storage.rejections`).

The standard has no such transaction; this is what archives' clients use. A rejection note of a hospital's own PACS
comes by STOW-RS or C-STORE like any other instance.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import ColumnElement, and_, select

from storage.audit import append
from storage.errors import Invalid, NotFound
from storage.json_model import json_text
from storage.rejecting import Rejected
from storage.rejecting import reject as reject_instances
from storage.rejection_note import REASONS
from storage.tables import instance, series, study
from viewer_api.access import Caller
from viewer_api.dicomweb.holdings import require_one_study
from viewer_api.dicomweb.routes import INSTANCE, SERIES, STUDY, CallerHere
from viewer_api.rejecters import act, require_rejecter

router = APIRouter()
_MAX_COMMENT = 1024
_PARAMETERS = [
    {
        "name": "reason",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "enum": sorted(REASONS), "default": "113001"},
        "description": "; ".join(f"{code}: {meaning}" for code, meaning in REASONS.items()),
    },
    {
        "name": "comment",
        "in": "query",
        "required": False,
        "schema": {"type": "string", "maxLength": _MAX_COMMENT},
        "description": "in the rejecter's own words",
    },
]
_DESCRIBED: dict[str, Any] = {
    "response_class": Response,
    "responses": {200: {"description": "what was rejected", "content": {"application/json": {}}}},
    "openapi_extra": {"parameters": _PARAMETERS},
}


@router.delete(STUDY, **_DESCRIBED)
def reject_study(study: str, request: Request, caller: CallerHere) -> Response:
    """Reject all of a study."""
    return _reject(request, caller, study)


@router.delete(SERIES, **_DESCRIBED)
def reject_series(study: str, series: str, request: Request, caller: CallerHere) -> Response:
    """Reject a series."""
    return _reject(request, caller, study, _of_series(series))


@router.delete(INSTANCE, **_DESCRIBED)
def reject_instance(study: str, series: str, instance: str, request: Request, caller: CallerHere) -> Response:
    """Reject an instance."""
    return _reject(request, caller, study, _of_series(series), _of_instance(instance))


def _of_series(uid: str) -> ColumnElement[bool]:
    return series.c.series_instance_uid == uid


def _of_instance(uid: str) -> ColumnElement[bool]:
    return instance.c.sop_instance_uid == uid


def _reject(request: Request, caller: Caller, study_uid: str, *where: ColumnElement[bool]) -> Response:
    code, comment = _reason(request)
    row, site = _study(caller, study_uid)
    role = require_rejecter(caller, site, code)
    said = act(caller, "reject-images", site, study_uid, role, {"code": code})
    made = reject_instances(
        caller.archive,
        and_(study.c.id == row, *where),
        code,
        comment,
        caller.person.username,
        lambda connection: append(connection, said),
    )
    return Response(json_text(_shape(made, code)), media_type="application/json")


def _reason(request: Request) -> tuple[str, str]:
    code = request.query_params.get("reason", "113001").partition("^")[0]
    comment = request.query_params.get("comment", "")
    if code not in REASONS:
        raise Invalid(f"reason is one of {', '.join(REASONS)}", parameter="reason", supported=sorted(REASONS))
    if len(comment) > _MAX_COMMENT:
        raise Invalid(f"comment has at most {_MAX_COMMENT} characters", parameter="comment")
    return code, comment


def _study(caller: Caller, study_uid: str) -> tuple[int, str]:
    known = (caller.visible_studies(), study.c.study_instance_uid == study_uid)
    with caller.archive.database.read() as connection:
        require_one_study(connection, caller, study_uid)
        found = connection.execute(select(study.c.id, study.c.site).where(*known)).one_or_none()
    if found is None:
        raise NotFound("there is no such study here")
    return found.id, found.site


def _shape(made: Rejected, code: str) -> dict[str, Any]:
    return {
        "site": made.site,
        "study_instance_uid": made.study_instance_uid,
        "rejection_note": made.sop_instance_uid,
        "code": code,
        "instances": made.instances,
    }
