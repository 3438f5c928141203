"""`multipart/related` answers (RFC 2387), spelled as DICOMweb clients read them.

Part headers begin with a capital, every part names its transfer syntax, and the closing boundary is there: clients
take frames without it for implicit VR little endian.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import Response

from viewer_api.dicomweb.reading_ahead import Piece, Reading, read_in_order
from viewer_api.dicomweb.streamed import Streamed


@dataclass(frozen=True)
class Part:
    """One part. `content` is bytes, or pieces for what need not lie in memory, `length` bytes where that is known."""

    media_type: str
    transfer_syntax_uid: str
    content: bytes | Reading | Iterable[Piece]
    location: str = ""
    length: int | None = None
    content_range: str = ""

    @property
    def content_type(self) -> str:
        """As it stands in the part's header."""
        if not self.transfer_syntax_uid:
            return self.media_type
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax_uid}"

    @property
    def known_length(self) -> int | None:
        """Of the content in bytes, None if only reading it tells."""
        return len(self.content) if isinstance(self.content, bytes) else self.length


def multipart_response(
    parts: Iterable[Part], root_type: str, headers: dict[str, str], status_code: int = 200
) -> Response:
    """An answer in one piece if all content is at hand, else streamed; `parts` may be made while it is sent.

    A list of parts whose lengths are known is sent with the length of the whole.
    """
    boundary = f"farlight-{secrets.token_hex(12)}"
    media_type = f'multipart/related; type="{root_type}"; boundary="{boundary}"'
    if not isinstance(parts, list):
        return Streamed(read_in_order(_pieces(parts, boundary)), media_type=media_type, headers=headers)
    whole = [part.content for part in parts if isinstance(part.content, bytes)]
    if len(whole) == len(parts):
        joined = b"".join(piece for piece in _pieces(parts, boundary) if isinstance(piece, bytes))
        return Response(joined, status_code, headers, media_type)
    contents, length = read_in_order(_pieces(parts, boundary)), _length(parts, boundary)
    return Streamed(contents, media_type=media_type, headers=headers, length=length, status_code=status_code)


def _pieces(parts: Iterable[Part], boundary: str) -> Iterator[Piece]:
    for part in parts:
        yield _part_head(part, boundary)
        if isinstance(part.content, bytes | Reading):
            yield part.content
        else:
            yield from part.content
        yield b"\r\n"
    yield _end(boundary)


def _length(parts: list[Part], boundary: str) -> int | None:
    lengths = [part.known_length for part in parts]
    contents = sum(length or 0 for length in lengths)
    if None in lengths:
        return None
    return contents + sum(len(_part_head(part, boundary)) + 2 for part in parts) + len(_end(boundary))


def _part_head(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", f"Content-Type: {part.content_type}"]
    if part.known_length is not None:
        lines.append(f"Content-Length: {part.known_length}")
    if part.location:
        lines.append(f"Content-Location: {part.location}")
    if part.content_range:
        lines.append(f"Content-Range: {part.content_range}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _end(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode()
