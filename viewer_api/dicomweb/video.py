"""Video as it was sent: one stream for all frames (PS3.5 A.4.5 to A.4.8), given whole or by byte range.

Nothing here decodes it: browsers and players do, and they read by range, so that one may seek in it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from struct import unpack
from typing import NamedTuple

from fastapi import Request, Response

from storage.archive import Archive
from storage.errors import Invalid, NotFound
from storage.kept_bytes import read_kept
from storage.retrieve import StoredInstance
from viewer_api.access import Caller
from viewer_api.dicomweb.accept import MULTIPART, accepted, not_acceptable
from viewer_api.dicomweb.caching import IMMUTABLE, cache_headers, entity_tag, not_modified
from viewer_api.dicomweb.kept_pieces import kept_pieces
from viewer_api.dicomweb.media_types import OCTET_STREAM, frame_media_type
from viewer_api.dicomweb.multipart import Part, multipart_response
from viewer_api.dicomweb.ranges import whole_or_range
from viewer_api.dicomweb.reading_ahead import Reading
from viewer_api.dicomweb.viewing import viewed

_ITEM = 0xFFFEE000
_MAX_FRAGMENTS = 100_000
_MAX_KNOWN = 256


class Piece(NamedTuple):
    """A fragment of the stream: where it lies in the file."""

    start: int
    length: int


class _Streams:
    """Where the streams asked for last lie; a player asks for one many times."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Piece, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, archive: Archive, found: StoredInstance) -> tuple[Piece, ...]:
        """The fragments in their order; raises `Invalid` ``NOT_RENDERABLE`` where there are none."""
        with self._lock:
            known = self._known.get(found.sha256)
        if known is None:
            known = tuple(_fragments(archive, found))
            with self._lock:
                self._known[found.sha256] = known
                while len(self._known) > _MAX_KNOWN:
                    self._known.popitem(last=False)
        return known


_streams = _Streams()


def is_video(found: StoredInstance) -> bool:
    """Whether the transfer syntax is one of MPEG2, MPEG-4 AVC/H.264, HEVC/H.265."""
    is_moving = frame_media_type(found.transfer_syntax_uid).startswith("video/")
    return is_moving and found.packed_layout is not None


def video_response(request: Request, caller: Caller, found: StoredInstance) -> Response:
    """The stream, or the range of it that is asked for; in a part of its own for who accepts only parts."""
    archive = caller.archive
    pieces = _streams.get(archive, found)
    media_type, multipart = _chosen(request, media_types(archive, found, pieces))
    viewed(caller, found)
    tag = entity_tag("video", found.sha256, media_type, multipart)
    unchanged = not_modified(request, tag, IMMUTABLE)
    if unchanged is not None:
        return unchanged
    headers, length = cache_headers(tag, IMMUTABLE), sum(piece.length for piece in pieces)

    def content(start: int, size: int) -> Iterator[Reading]:
        return chain.from_iterable(
            kept_pieces(archive, found, *piece) for piece in _within(pieces, start, start + size)
        )

    if multipart:
        part = Part(media_type, found.transfer_syntax_uid, content(0, length), length=length)
        return multipart_response([part], media_type, headers)
    return whole_or_range(request, content, length, media_type=media_type, headers=headers)


def require_video_frame(frames: str) -> None:
    """Raises `NotFound` for any frame but 1, which stands for the whole stream (PS3.18 8.7.4)."""
    if frames != "1":
        raise NotFound("a video is one stream, which is asked for as frame 1")


def media_types(archive: Archive, found: StoredInstance, pieces: tuple[Piece, ...]) -> list[str]:
    """What the stream is by its first bytes, then what PS3.18 calls it by its transfer syntax."""
    head = read_kept(archive.blobs, found, pieces[0].start, min(16, pieces[0].length))
    by_table = frame_media_type(found.transfer_syntax_uid)
    return list(dict.fromkeys([_by_content(head) or by_table, by_table, OCTET_STREAM]))


def _by_content(head: bytes) -> str:
    """PS3.5 8.2.5 to 8.2.8 allow elementary streams, MPEG-2 program and transport streams, and MP4 files."""
    if head[4:8] in (b"ftyp", b"styp", b"moov", b"mdat", b"free"):
        return "video/mp4"
    if head[:4] in (b"\0\0\1\xba", b"\0\0\1\xb3"):
        return "video/mpeg"
    return "video/mp2t" if head[:1] == b"\x47" else ""


def _chosen(request: Request, offered: list[str]) -> tuple[str, bool]:
    """The media type, and whether in parts. Raises `Invalid` ``NOT_ACCEPTABLE``."""
    for wanted in accepted(request):
        for media_type in offered:
            if wanted.covers(media_type):
                return media_type, wanted.multipart
    raise not_acceptable([*offered, *(f'{MULTIPART}; type="{each}"' for each in offered)])


def _fragments(archive: Archive, found: StoredInstance) -> Iterator[Piece]:
    """Behind the offset table, to the end of the pixel data."""
    layout = found.layout
    position = end = found.dataset_offset + (layout.offset if layout else 0)
    end += layout.length if layout else 0
    counted = 0
    while position + 8 <= end:
        group, number, length = unpack("<HHL", read_kept(archive.blobs, found, position, 8))
        if (group << 16 | number) != _ITEM or position + 8 + length > end:
            break
        if counted and length:
            yield Piece(position + 8, length)
        position, counted = position + 8 + length, counted + 1
        if counted > _MAX_FRAGMENTS:
            raise Invalid("(7FE0,0010) PixelData: too many fragments for a stream", code="NOT_RENDERABLE")
    if counted < 2:
        raise Invalid("(7FE0,0010) PixelData holds no video stream", code="NOT_RENDERABLE")


def _within(pieces: tuple[Piece, ...], begin: int, end: int) -> Iterator[Piece]:
    """What lies from byte `begin` to before byte `end` of the stream."""
    before = 0
    for start, length in pieces:
        first, last = max(begin - before, 0), min(end - before, length)
        if first < last:
            yield Piece(start + first, last - first)
        before += length
