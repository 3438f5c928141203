"""`multipart/related` answers (RFC 2387), spelled as DICOMweb clients read them.

Part headers begin with a capital, every part names its transfer syntax, and the closing boundary is there: clients
take frames without it for implicit VR little endian.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import Response
from fastapi.responses import StreamingResponse


@dataclass(frozen=True)
class Part:
    """One part. `content` is bytes, or pieces for what need not lie in memory."""

    media_type: str
    transfer_syntax_uid: str
    content: bytes | Iterable[bytes]
    location: str = ""

    @property
    def content_type(self) -> str:
        """As it stands in the part's header."""
        if not self.transfer_syntax_uid:
            return self.media_type
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax_uid}"


def multipart_response(parts: Iterable[Part], root_type: str, headers: dict[str, str]) -> Response:
    """An answer in one piece if all content is at hand, else streamed; `parts` may be made while it is sent."""
    boundary = f"farlight-{secrets.token_hex(12)}"
    media_type = f'multipart/related; type="{root_type}"; boundary="{boundary}"'
    if isinstance(parts, list) and all(isinstance(part.content, bytes) for part in parts):
        return Response(b"".join(_pieces(parts, boundary)), media_type=media_type, headers=headers)
    return StreamingResponse(_pieces(parts, boundary), media_type=media_type, headers=headers)


def _pieces(parts: Iterable[Part], boundary: str) -> Iterator[bytes]:
    for part in parts:
        yield _part_head(part, boundary)
        if isinstance(part.content, bytes):
            yield part.content
        else:
            yield from part.content
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _part_head(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", f"Content-Type: {part.content_type}"]
    if isinstance(part.content, bytes):
        lines.append(f"Content-Length: {len(part.content)}")
    if part.location:
        lines.append(f"Content-Location: {part.location}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
