"""STOW-RS: instances come in by HTTP, part by part, through the one door (PS3.18 10.5).

A part that fails does not fail the others. Each is safe before its success is told, and what was safe stays so when the
sender's link breaks: it may send all of them again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from storage.errors import Denied, Invalid
from storage.ingest import Sender
from storage.json_model import json_text
from storage.sites import assumed_of
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import MULTIPART, MediaRange, choose, parse
from viewer_api.dicomweb.addresses import base_url
from viewer_api.dicomweb.incoming_metadata import MetadataForm
from viewer_api.dicomweb.incoming_parts import PartReceiver, require_room
from viewer_api.dicomweb.media_types import DICOM, DICOM_JSON
from viewer_api.dicomweb.routes import CallerHere
from viewer_api.dicomweb.storing import Storing
from worklist.roles import Role

router = APIRouter()
STORERS = frozenset({Role.TECHNICIAN, Role.SERVICE})
_PIECE = 1 << 20
PAUSE_S = 60.0
"""A sender that is silent for so long in the midst of its body is gone."""


@router.post("/studies", response_class=Response)
async def store(request: Request, caller: CallerHere) -> Response:
    """Instances of any studies."""
    return await _store(request, caller, None)


@router.post("/studies/{study}", response_class=Response)
async def store_in_study(study: str, request: Request, caller: CallerHere) -> Response:
    """Instances of one study; those of another are refused one by one."""
    return await _store(request, caller, study)


async def _store(request: Request, caller: Caller, study: str | None) -> Response:
    media_type = choose(request, [DICOM_JSON, "application/json"])
    kind, boundary = _kind_and_boundary(request)
    sender = await run_in_threadpool(_sender, caller)
    await run_in_threadpool(require_room, caller.archive)
    storing = Storing(caller.archive, sender, study)
    try:
        if kind == DICOM_JSON:
            await _take_metadata(request, boundary, storing)
        else:
            await _receive(request, PartReceiver(boundary, caller.archive, storing.take))
    finally:
        await run_in_threadpool(storing.settle)
    storing.results.require_store()
    body = json_text(storing.results.answer(base_url(request, sender.site)))
    return Response(body, status_code=storing.results.status, media_type=media_type)


async def _take_metadata(request: Request, boundary: str, storing: Storing) -> None:
    """Instances are made when all of the body has come."""
    form = MetadataForm(storing)
    try:
        await _receive(request, PartReceiver(boundary, storing.archive, form.take))
        await run_in_threadpool(form.store)
    finally:
        form.close()


def _kind_and_boundary(request: Request) -> tuple[str, str]:
    """Whether instances come as files or as metadata with bulk data, and what stands between the parts."""
    (sent,) = parse(request.headers.get("content-type", ""))[:1] or [MediaRange("")]
    kind = DICOM if sent.content_type == "*/*" else sent.content_type
    if sent.media_type != MULTIPART or kind not in (DICOM, DICOM_JSON):
        raise HTTPException(
            415, f'the body must be multipart/related; type="{DICOM}", or type="{DICOM_JSON}" with bulk data'
        )
    boundary = sent.parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70:
        raise Invalid("Content-Type: a boundary of 1 to 70 characters is needed")
    return kind, boundary


def _sender(caller: Caller) -> Sender:
    """Whose images these are: of the hospital in the address, else of the only one that this person sends for."""
    person = caller.person
    may = person.sites_as(STORERS)
    if caller.site is not None and caller.site not in may:
        raise Denied("only a technician or a service of this hospital may store images for it")
    if not may:
        raise Denied("only a technician or a service of a hospital may store images")
    if caller.site is None and len(may) > 1:
        raise Invalid("you send for several hospitals: store under /sites/{code}/dicom-web")
    site = caller.site or min(may)
    with caller.archive.database.read() as connection:
        assumed = assumed_of(connection, site)
    return Sender(site, person.username, assumed.charset, assumed.issuer)


async def _receive(request: Request, receiver: PartReceiver) -> None:
    """Feed the body in pieces that are worth a thread."""
    pieces = bytearray()
    try:
        async for chunk in _steadily(request):
            pieces += chunk
            if len(pieces) >= _PIECE:
                await run_in_threadpool(receiver.feed, bytes(pieces))
                pieces.clear()
        await run_in_threadpool(receiver.feed, bytes(pieces))
    finally:
        receiver.close()
    if not receiver.complete:
        raise Invalid("the body ends before its closing boundary: what came whole is kept, send all again")


async def _steadily(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises 408 after a silence of `PAUSE_S`."""
    body = request.stream()
    while True:
        try:
            async with asyncio.timeout(PAUSE_S):
                chunk = await anext(body, None)
        except TimeoutError as why:
            raise HTTPException(
                408, "the body stopped coming: what came whole is kept, send all again"
            ) from why
        except ClientDisconnect as why:
            raise Invalid("the sender has gone: what came whole is kept") from why
        if chunk is None:
            return
        yield chunk
