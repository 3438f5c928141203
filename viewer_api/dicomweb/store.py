"""STOW-RS: instances come in by HTTP, part by part, through the one door (PS3.18 10.5).

A part that fails does not fail the others. Each is safe before the next is looked at, so that a sender whose link
breaks may send all of them again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from storage.archive import Archive
from storage.errors import Denied, Error, Invalid, Unavailable
from storage.header import Header, read_header
from storage.ingest import Receipt, Sender, ingest_file
from storage.json_model import JsonModel, json_text
from storage.part10 import inspect_file
from storage.sites import assumed_of
from storage.structure import Buffer
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import MULTIPART, MediaRange, choose, parse
from viewer_api.dicomweb.addresses import base_url, instance_url
from viewer_api.dicomweb.incoming_parts import IncomingPart, PartReceiver, require_room
from viewer_api.dicomweb.media_types import DICOM, DICOM_JSON, OCTET_STREAM
from viewer_api.dicomweb.routes import CallerHere
from worklist.roles import Role

router = APIRouter()
STORERS = frozenset({Role.TECHNICIAN, Role.SERVICE})
_PIECE = 1 << 20

PROCESSING_FAILURE = 0x0110
OUT_OF_RESOURCES = 0xA700
OTHER_STUDY = 0xA900
CANNOT_UNDERSTAND = 0xC000


@dataclass(frozen=True)
class Failure:
    """An instance that was not kept: why (PS3.18 Table I.2-2), and what it is, where that could be read."""

    reason: int
    sop_class_uid: str = ""
    sop_instance_uid: str = ""


@dataclass
class Outcome:
    """What became of a request's parts."""

    kept: list[Receipt] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    away: Unavailable | None = None

    def require_store(self) -> None:
        """Raise `Unavailable` if nothing was kept and all of it may be tomorrow: a 409 would not be sent again."""
        if (
            self.away is not None
            and not self.kept
            and {each.reason for each in self.failed} == {OUT_OF_RESOURCES}
        ):
            raise self.away

    @property
    def status(self) -> int:
        """PS3.18 Table 10.5.3-1: all kept, some, or none."""
        if self.failed:
            return 202 if self.kept else 409
        return 200


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
    boundary = _boundary(request)
    sender = await run_in_threadpool(_sender, caller)
    await run_in_threadpool(require_room, caller.archive)
    outcome = Outcome()
    receiver = PartReceiver(
        boundary, caller.archive, lambda part: _keep(caller.archive, part, sender, study, outcome)
    )
    try:
        await _receive(request, receiver)
    finally:
        receiver.close()
    outcome.require_store()
    body = json_text(_answer(outcome, base_url(request, sender.site)))
    return Response(body, status_code=outcome.status, media_type=media_type)


def _boundary(request: Request) -> str:
    (sent,) = parse(request.headers.get("content-type", ""))[:1] or [MediaRange("")]
    if sent.media_type != MULTIPART or sent.content_type not in (DICOM, "*/*"):
        raise HTTPException(415, f'the body must be multipart/related; type="{DICOM}"')
    boundary = sent.parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70:
        raise Invalid("Content-Type: a boundary of 1 to 70 characters is needed")
    return boundary


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
    async for chunk in request.stream():
        pieces += chunk
        if len(pieces) >= _PIECE:
            await run_in_threadpool(receiver.feed, bytes(pieces))
            pieces.clear()
    await run_in_threadpool(receiver.feed, bytes(pieces))
    if not receiver.complete:
        raise Invalid("the body ends before its closing boundary: what came whole is kept, send all again")


def _keep(archive: Archive, part: IncomingPart, sender: Sender, study: str | None, outcome: Outcome) -> None:
    with part.opened() as buffer:
        try:
            _require_dicom(part)
            if study is not None:
                _require_study(buffer, sender, study)
            outcome.kept.append(ingest_file(archive, buffer, sender))
        except Error as why:
            outcome.away = why if isinstance(why, Unavailable) else outcome.away
            outcome.failed.append(Failure(_reason(why), *_identified(buffer, sender)))


def _require_dicom(part: IncomingPart) -> None:
    (kind,) = parse(part.content_type)[:1] or [MediaRange("")]
    if kind.media_type not in (DICOM, OCTET_STREAM, "*/*"):
        raise Invalid("a part is no application/dicom")


def _require_study(buffer: Buffer, sender: Sender, study: str) -> None:
    """Raises `Invalid` for what is no instance, or one of another study."""
    if _header(buffer, sender).study_instance_uid != study:
        raise Invalid("this instance is of another study than the address names", code="OTHER_STUDY")


def _identified(buffer: Buffer, sender: Sender) -> tuple[str, str]:
    """SOP class and instance of what failed, empty where they cannot be read."""
    try:
        header = _header(buffer, sender)
    except Invalid:
        return "", ""
    return header.sop_class_uid, header.sop_instance_uid


def _header(buffer: Buffer, sender: Sender) -> Header:
    info = inspect_file(buffer)
    return read_header(memoryview(buffer)[info.dataset_offset :], 0, info.transfer_syntax_uid, sender.charset)


def _reason(why: Error) -> int:
    if isinstance(why, Unavailable):
        return OUT_OF_RESOURCES
    if isinstance(why, Invalid):
        return OTHER_STUDY if why.code == "OTHER_STUDY" else CANNOT_UNDERSTAND
    return PROCESSING_FAILURE


def _answer(outcome: Outcome, base: str) -> JsonModel:
    """PS3.18 Table 10.5.3-2. The sequence of failures is there only if there are any."""
    answer: JsonModel = {}
    studies = {receipt.study_instance_uid for receipt in outcome.kept}
    if len(studies) == 1:
        answer["00081190"] = {"vr": "UR", "Value": [f"{base}/studies/{min(studies)}"]}
    if outcome.failed:
        answer["00081198"] = {"vr": "SQ", "Value": [_failed(each) for each in outcome.failed]}
    if outcome.kept:
        answer["00081199"] = {"vr": "SQ", "Value": [_kept(each, base) for each in outcome.kept]}
    return answer


def _kept(receipt: Receipt, base: str) -> JsonModel:
    url = instance_url(
        base, receipt.study_instance_uid, receipt.series_instance_uid, receipt.sop_instance_uid
    )
    return {
        **_reference(receipt.sop_class_uid, receipt.sop_instance_uid),
        "00081190": {"vr": "UR", "Value": [url]},
    }


def _failed(failure: Failure) -> JsonModel:
    named = _reference(failure.sop_class_uid, failure.sop_instance_uid) if failure.sop_instance_uid else {}
    return {**named, "00081197": {"vr": "US", "Value": [failure.reason]}}


def _reference(sop_class_uid: str, sop_instance_uid: str) -> JsonModel:
    return {
        "00081150": {"vr": "UI", "Value": [sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [sop_instance_uid]},
    }
