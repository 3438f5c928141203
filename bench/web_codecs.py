"""What a picture costs beside the decoder alone: processor time per rendered frame, from compressed originals."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

from bench.phantom import phantom
from bench.web_load import ask_all
from bench.web_servers import SITE, WebServer, command

Image = NDArray[Any]


@dataclass(frozen=True)
class Codec:
    """A transfer syntax, how a slice is written in it, and the bare decoder."""

    name: str
    transfer_syntax_uid: str
    encode: Callable[[Image], bytes]
    decode: Callable[[bytes], Image]
    bits: int = 12


def _jpeg2000(image: Image) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(image, level=0, reversible=True, codecformat="j2k", bitspersample=12)
    )


CODECS = (
    Codec(
        "JPEG 2000",
        "1.2.840.10008.1.2.4.90",
        _jpeg2000,
        lambda stream: imagecodecs.jpeg2k_decode(stream, numthreads=1),
    ),
    Codec(
        "HTJ2K",
        "1.2.840.10008.1.2.4.201",
        lambda image: imagecodecs.htj2k_encode(image, reversible=True),
        imagecodecs.htj2k_decode,
    ),
    Codec("JPEG-LS", "1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode, imagecodecs.jpegls_decode),
    Codec(
        "JPEG",
        "1.2.840.10008.1.2.4.50",
        lambda image: imagecodecs.jpeg8_encode(image, level=90),
        imagecodecs.jpeg8_decode,
        bits=8,
    ),
    Codec("JPEG lossless", "1.2.840.10008.1.2.4.70", imagecodecs.ljpeg_encode, imagecodecs.ljpeg_decode),
)


def measure(server: WebServer, folder: Path, frames: int, pixels: int) -> str:
    """A table in Markdown: milliseconds of the processor, medians of three."""
    lines = ["| original | decoder alone, ms | rendered over HTTP, ms | times |", "|---|---|---|---|"]
    coded = [_write_all(folder / "coded" / codec.name, codec, frames, pixels) for codec in CODECS]
    command(server.environment, "import", str(folder / "coded"), "--site", SITE)
    for codec, (streams, addresses) in zip(CODECS, coded, strict=True):
        bare = 1e3 * statistics.median(_decoding_s(codec, streams) for _ in range(3)) / frames
        whole = (
            1e3 * statistics.median(_rendering_s(server, addresses, number) for number in range(3)) / frames
        )
        lines.append(f"| {codec.name} | {bare:.2f} | {whole:.2f} | {whole / bare:.2f} |")
    return "\n".join(lines)


def _write_all(folder: Path, codec: Codec, frames: int, pixels: int) -> tuple[list[bytes], list[str]]:
    """The streams, and the address of each."""
    folder.mkdir(parents=True)
    streams = [codec.encode(_slice(number, pixels, codec.bits)) for number in range(frames)]
    return streams, [_write(folder, codec, stream, pixels) for stream in streams]


def _decoding_s(codec: Codec, streams: list[bytes]) -> float:
    before = time.process_time()
    for stream in streams:
        codec.decode(stream)
    return time.process_time() - before


def _rendering_s(server: WebServer, addresses: list[str], number: int) -> float:
    """Another window each time, so that no picture is there already."""
    shown = f"/frames/1/rendered?window={1000 + number},{2000 + number}"
    before = server.web_cpu_s()
    ask_all(server.target, [address + shown for address in addresses], "image/jpeg", 4)
    return server.web_cpu_s() - before


def _slice(number: int, pixels: int, bits: int) -> Image:
    image = phantom(number, pixels)
    return image if bits > 8 else (image >> 4).astype(np.uint8)


def _write(folder: Path, codec: Codec, stream: bytes, pixels: int) -> str:
    image = dcmread(str(get_testdata_file("CT_small.dcm")))
    image.file_meta.TransferSyntaxUID = codec.transfer_syntax_uid
    image.StudyInstanceUID = image.SeriesInstanceUID = generate_uid(entropy_srcs=[str(folder)])
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.Rows = image.Columns = pixels
    image.BitsAllocated = 16 if codec.bits > 8 else 8
    image.BitsStored, image.HighBit, image.PixelRepresentation = codec.bits, codec.bits - 1, 0
    image.RescaleIntercept = 0
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        if keyword in image:
            delattr(image, keyword)
    image.PixelData = encapsulate([stream])
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    image.save_as(folder / f"{image.SOPInstanceUID}.dcm")
    return (
        f"/studies/{image.StudyInstanceUID}/series/{image.SeriesInstanceUID}/instances/{image.SOPInstanceUID}"
    )
