"""Under which agreements a hospital's people may ask, and whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from storage.sites import all_sites
from viewer_api.access import Caller, caller
from worklist.agreements import all_agreements

router = APIRouter()


@router.get("/agreements")
def agreements(
    calling: Annotated[Caller, Depends(caller)], site: Annotated[str, Query(max_length=16)] = ""
) -> list[dict[str, Any]]:
    """Agreements in force that a hospital of the caller's takes part in; `site` narrows to one as the requester."""
    today = datetime.now(UTC).date()
    with calling.archive.database.read() as connection:
        names = {one.code: one for one in all_sites(connection)}
        found = all_agreements(connection)
    mine = calling.person.sites
    return [
        {
            "requester": agreed.requester,
            "reader": {
                "site": agreed.reader,
                "name": names[agreed.reader].name,
                "name_zh": names[agreed.reader].name_zh,
            },
            "service": agreed.service.value,
            "sign_policy": agreed.sign_policy.value,
            "auto_request": agreed.auto_request,
            "priority": agreed.priority.value,
        }
        for agreed in found
        if agreed.holds_on(today)
        and mine & {agreed.requester, agreed.reader}
        and site in ("", agreed.requester)
    ]
