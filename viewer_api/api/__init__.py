"""The reading API under `/api`: one file a room, as in docs/http-api.md."""

from __future__ import annotations

from fastapi import APIRouter

from viewer_api.api import agreements, events, links, rejections, reports, requests, session, studies

router = APIRouter()
router.include_router(session.router, tags=["Session"])
router.include_router(requests.router, tags=["Read requests"])
router.include_router(agreements.router, tags=["Agreements"])
router.include_router(reports.router, tags=["Reports"])
router.include_router(studies.router, tags=["Studies"])
router.include_router(rejections.router, tags=["Rejections"])
router.include_router(links.router, tags=["Links"])
router.include_router(events.router, tags=["Events"])
