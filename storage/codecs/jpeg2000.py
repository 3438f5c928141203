"""JPEG 2000 (ISO 15444-1) and HTJ2K (ISO 15444-15) frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.codecs.form import PIXEL_DATA, Coded, StreamForm
from storage.codecs.jpeg2000_header import Jpeg2000Header, jpeg2000_header, tiles_begun
from storage.errors import Invalid

_UNWRITTEN = 0xA5


def decode_jpeg2000(form: StreamForm, stream: bytes) -> Coded:
    """The decoder undoes RCT and ICT; without them YBR_FULL components come out as they went in."""
    header, _ = _header(form, stream)
    return _coded(form, header, _by_openjpeg(stream[header.start :]))


def decode_htj2k(form: StreamForm, stream: bytes) -> Coded:
    """The same from high-throughput code-blocks that lose nothing, by OpenJPH in half of OpenJPEG's time.

    What it cannot do, or leaves undone, OpenJPEG does or refuses: so too what was coded with loss, where the wrapper
    of OpenJPH lets values beyond white come out as black.
    """
    header, is_whole = _header(form, stream)
    codestream = stream[header.start :]
    if not is_whole:
        raise Invalid(f"{PIXEL_DATA}: the HTJ2K codestream ends before its end marker")
    samples = _by_openjph(form, header, codestream) if header.plain and header.reversible else None
    return _coded(form, header, _by_openjpeg(codestream) if samples is None else samples)


def _header(form: StreamForm, stream: bytes) -> tuple[Jpeg2000Header, bool]:
    """The header, and whether the codestream has its end. Decoders leave missing tiles black and say nothing."""
    header = jpeg2000_header(stream)
    form.require_size(header.rows, header.columns, header.components)
    tiles, is_whole = tiles_begun(stream, header.start)
    if tiles < header.tiles:
        raise Invalid(f"{PIXEL_DATA}: the JPEG 2000 codestream has {tiles} of {header.tiles} tiles")
    return header, is_whole


def _coded(form: StreamForm, header: Jpeg2000Header, samples: NDArray[Any]) -> Coded:
    return Coded(samples, header.precision, form.says_ybr and not header.colour_transform)


def _by_openjpeg(codestream: bytes) -> NDArray[Any]:
    import imagecodecs

    samples: NDArray[Any] = imagecodecs.jpeg2k_decode(codestream, numthreads=1)
    return samples


def _by_openjph(form: StreamForm, header: Jpeg2000Header, codestream: bytes) -> NDArray[Any] | None:
    """None where it does not read the codestream to its end.

    Errors inside code-blocks do not reach us as exceptions: the decoder then leaves the remaining lines as they were.
    """
    import imagecodecs

    size = next(each for each in (1, 2, 4) if header.precision <= 8 * each)
    room = np.empty(form.shape, f"{'i' if header.signed else 'u'}{size}")
    last_line = room[-1].view(np.uint8)
    last_line[:] = _UNWRITTEN
    try:
        imagecodecs.htj2k_decode(codestream, out=room)
    except (RuntimeError, ValueError):
        return None
    unwritten = room[-1].reshape(form.columns, -1) == np.full(1, _UNWRITTEN, np.uint8).repeat(size).view(
        room.dtype
    )
    return None if unwritten.all(axis=0).any() else room
