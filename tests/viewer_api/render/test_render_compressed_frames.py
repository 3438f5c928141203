"""Compressed frames: every codec lossless to the bit, signs and colours told by the stream, and broken streams."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import imagecodecs
import numpy as np
import openjpeg
import pytest
from file_frames import colour_header, decoded, image_header
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.pixels.processing import convert_color_space

from storage.errors import Invalid
from viewer_api.render import render_frame, transcode_frame

JPEG, JPEG_12, LOSSLESS, LOSSLESS_SV1 = (f"1.2.840.10008.1.2.4.{each}" for each in (50, 51, 57, 70))
JPEG_LS, JPEG_LS_NEAR, J2K_LOSSLESS, J2K = (f"1.2.840.10008.1.2.4.{each}" for each in (80, 81, 90, 91))
JXL, JXL_RECOMPRESSED, HTJ2K, HTJ2K_LOSSY = (f"1.2.840.10008.1.2.4.{each}" for each in (110, 111, 201, 203))
RLE, DEFLATED_FRAME = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"

RANDOM = np.random.default_rng(11)
GREY8 = RANDOM.integers(0, 256, (40, 31), dtype=np.uint8)
GREY12 = RANDOM.integers(0, 4096, (40, 31), dtype=np.uint16)
GREY16 = RANDOM.integers(0, 65536, (40, 31), dtype=np.uint16)
# Smooth, so that lossy codecs keep it within a few levels.
RGB = np.stack(
    [*np.meshgrid(np.arange(60, 188, 2), np.arange(200, 72, -2)), np.full((64, 64), 90)], -1
).astype("u1")


def rle(values: np.ndarray) -> bytes:
    """PS3.5 Annex G: the most significant byte of each sample first, plane after plane."""
    size = values.dtype.itemsize
    planes = values.reshape(*values.shape[:2], -1).astype(values.dtype.newbyteorder(">"))
    segments = []
    for sample in range(planes.shape[2]):
        octets = np.ascontiguousarray(planes[..., sample]).view(np.uint8).reshape(-1, size)
        segments += [imagecodecs.packbits_encode(octets[:, place].tobytes()) for place in range(size)]
    segments = [each + b"\0" * (len(each) % 2) for each in segments]
    starts = np.cumsum([64] + [len(each) for each in segments[:-1]]).tolist()
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(segments)


def deflated(values: np.ndarray) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(values.tobytes()) + packer.flush()


def lossless_jpeg(values: np.ndarray, predictor: int) -> bytes:
    bits = 8 * values.dtype.itemsize
    return imagecodecs.jpeg8_encode(values, lossless=True, predictor=predictor, bitspersample=bits)


LOSSLESS_CODECS: dict[str, tuple[str, Callable[[np.ndarray], bytes]]] = {
    "JPEG lossless": (LOSSLESS, lambda values: lossless_jpeg(values, predictor=6)),
    "JPEG lossless SV1": (LOSSLESS_SV1, imagecodecs.ljpeg_encode),
    "JPEG-LS": (JPEG_LS, imagecodecs.jpegls_encode),
    "JPEG 2000": (
        J2K_LOSSLESS,
        lambda values: imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True),
    ),
    "JPEG 2000 in JP2 boxes": (
        J2K_LOSSLESS,
        lambda values: imagecodecs.jpeg2k_encode(values, reversible=True),
    ),
    "HTJ2K": (HTJ2K, lambda values: imagecodecs.htj2k_encode(values, reversible=True)),
    "JPEG XL": (JXL, lambda values: imagecodecs.jpegxl_encode(values, lossless=True)),
    "RLE": (RLE, rle),
    "deflated frame": (DEFLATED_FRAME, deflated),
}


def _encoders(codec: str) -> tuple[str, Callable[[np.ndarray], bytes]]:
    return LOSSLESS_CODECS[codec]


@pytest.mark.parametrize("values", [GREY8, GREY16], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("codec", LOSSLESS_CODECS)
def test_lossless_grey(codec: str, values: np.ndarray) -> None:
    uid, encode = _encoders(codec)
    header = image_header(*values.shape, BitsAllocated=8 * values.dtype.itemsize)
    ours = decoded(header, encode(values), uid)
    assert np.array_equal(ours, values)
    assert ours.dtype == values.dtype


@pytest.mark.parametrize("predictor", range(1, 8))
def test_every_predictor_of_lossless_jpeg(predictor: int) -> None:
    stream = lossless_jpeg(GREY16, predictor)
    assert np.array_equal(decoded(image_header(*GREY16.shape), stream, LOSSLESS), GREY16)


@pytest.mark.parametrize("codec", ["JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K", "JPEG XL", "RLE"])
def test_lossless_colour(codec: str) -> None:
    uid, encode = _encoders(codec)
    photometric_interpretation = "YBR_RCT" if "2" in codec else "RGB"
    assert np.array_equal(decoded(colour_header(64, 64, photometric_interpretation), encode(RGB), uid), RGB)


@pytest.mark.parametrize("codec", ["JPEG lossless SV1", "JPEG-LS", "JPEG 2000", "HTJ2K", "JPEG XL", "RLE"])
@pytest.mark.parametrize("bits", [12, 16])
def test_signs_that_a_codec_cannot_tell(codec: str, bits: int) -> None:
    """Signed pixels come as unsigned words of BitsStored bits, most codecs having no other way."""
    uid, encode = _encoders(codec)
    values = (GREY16.view(np.int16) >> (16 - bits)).astype(np.int16)
    words = values.view(np.uint16) & ((1 << bits) - 1)
    header = image_header(*values.shape, BitsStored=bits, HighBit=bits - 1, PixelRepresentation=1)
    assert np.array_equal(decoded(header, encode(words), uid), values)


@pytest.mark.parametrize("codec", ["JPEG 2000", "HTJ2K"])
def test_sign_told_by_the_codestream(codec: str) -> None:
    uid, encode = _encoders(codec)
    values = GREY16.view(np.int16)
    header = image_header(*values.shape, PixelRepresentation=1)
    assert np.array_equal(decoded(header, encode(values), uid), values)
    header.PixelRepresentation = 0
    assert np.array_equal(decoded(header, encode(values), uid), GREY16)


def test_precision_of_the_codestream_beats_bits_stored() -> None:
    header = image_header(*GREY12.shape, PixelRepresentation=1)
    stream = imagecodecs.jpeg2k_encode(GREY12, codecformat="j2k", reversible=True, bitspersample=12)
    assert np.array_equal(decoded(header, stream, J2K_LOSSLESS), (GREY12.astype(np.int16) << 4) >> 4)


def test_near_lossless_jpeg_ls() -> None:
    stream = imagecodecs.jpegls_encode(GREY16, level=3)
    ours = decoded(image_header(*GREY16.shape), stream, JPEG_LS_NEAR)
    assert np.abs(ours.astype(int) - GREY16).max() == 3


def test_twelve_bit_jpeg() -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint16) * 30
    stream = imagecodecs.jpeg8_encode(smooth, level=98, bitspersample=12)
    header = image_header(64, 64, BitsStored=12, HighBit=11)
    assert np.abs(decoded(header, stream, JPEG_12).astype(int) - smooth).max() < 12


def _without(stream: bytes, marker: int) -> bytes:
    """The JPEG stream without its segments of one marker."""
    position = 2
    while stream[position + 1] != 0xDA:
        length = 2 + int.from_bytes(stream[position + 2 : position + 4])
        if stream[position + 1] == marker:
            stream = stream[:position] + stream[position + length :]
        else:
            position += length
    return stream


def _bare(stream: bytes) -> bytes:
    return _without(_without(stream, 0xE0), 0xEE)


def _adobe(stream: bytes, transform: int) -> bytes:
    return stream[:2] + b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0" + bytes([transform]) + _bare(stream)[2:]


def _ybr(subsampling: str = "444") -> bytes:
    return imagecodecs.jpeg8_encode(
        RGB, level=98, colorspace="RGB", outcolorspace="YCBCR", subsampling=subsampling
    )


def _rgb() -> bytes:
    """RGB components under the identifiers 1 2 3, which say nothing of the colour."""
    return imagecodecs.jpeg8_encode(
        RGB, level=98, colorspace="YCBCR", outcolorspace="YCBCR", subsampling="444"
    )


def _named_rgb() -> bytes:
    return imagecodecs.jpeg8_encode(RGB, level=98, colorspace="RGB", outcolorspace="RGB")


COLOUR_STREAMS = {
    "JFIF is YCbCr": (_ybr, "RGB"),
    "APP14 says YCbCr": (lambda: _adobe(_ybr(), 1), "RGB"),
    "APP14 says RGB": (lambda: _adobe(_rgb(), 0), "YBR_FULL_422"),
    "subsampled is YCbCr": (lambda: _bare(_ybr("420")), "RGB"),
    "half subsampled is YCbCr": (lambda: _bare(_ybr("422")), "YBR_FULL_422"),
    "components named R G B": (lambda: _bare(_named_rgb()), "YBR_FULL"),
    "bare, header says RGB": (lambda: _bare(_rgb()), "RGB"),
    "bare, header says YBR": (lambda: _bare(_ybr()), "YBR_FULL"),
    "retired name": (lambda: _bare(_ybr()), "YBR_PARTIAL_422"),
}


@pytest.mark.parametrize("name", COLOUR_STREAMS)
def test_jpeg_colour_is_told_by_the_stream_first(name: str) -> None:
    make, photometric_interpretation = COLOUR_STREAMS[name]
    ours = decoded(colour_header(64, 64, photometric_interpretation), make(), JPEG)
    assert np.abs(ours.astype(int) - RGB).max() <= 8


@pytest.mark.parametrize("codec", ["JPEG-LS", "RLE"])
def test_ybr_components_turn_to_rgb(codec: str) -> None:
    uid, encode = _encoders(codec)
    wanted = convert_color_space(RGB, "YBR_FULL", "RGB")
    ours = decoded(colour_header(64, 64, "YBR_FULL"), encode(RGB), uid)
    assert np.abs(ours.astype(int) - wanted).max() <= 1


def test_jpeg_2000_ybr_components_without_a_transform() -> None:
    stream = imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", reversible=True, mct=False)
    wanted = convert_color_space(RGB, "YBR_FULL", "RGB")
    ours = decoded(colour_header(64, 64, "YBR_FULL"), stream, J2K_LOSSLESS)
    assert np.abs(ours.astype(int) - wanted).max() <= 1
    assert np.array_equal(decoded(colour_header(64, 64, "RGB"), stream, J2K_LOSSLESS), RGB)


@pytest.mark.parametrize("codec", [RLE, DEFLATED_FRAME])
def test_single_bits(codec: str) -> None:
    bits = RANDOM.integers(0, 2, (9, 7), dtype=np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little")
    stream = rle(packed.reshape(1, -1)) if codec == RLE else deflated(packed)
    header = image_header(9, 7, BitsAllocated=1)
    assert np.array_equal(decoded(header, stream, codec), bits)
    native = transcode_frame(header, stream, transfer_syntax_uid=codec, frame_number=1)
    assert native == packed.tobytes()


def test_transcoded_colour_is_rgb_pixel_by_pixel() -> None:
    stream = LOSSLESS_CODECS["RLE"][1](RGB)
    header = colour_header(64, 64, PlanarConfiguration=1)
    assert transcode_frame(header, stream, transfer_syntax_uid=RLE, frame_number=1) == RGB.tobytes()


def test_streams_end_in_padding() -> None:
    for uid, encode in LOSSLESS_CODECS.values():
        assert np.array_equal(decoded(image_header(*GREY16.shape), encode(GREY16) + b"\0", uid), GREY16)


SIZED = ["JPEG lossless", "JPEG-LS", "JPEG 2000", "HTJ2K"]


@pytest.mark.parametrize("codec", SIZED)
@pytest.mark.parametrize(("rows", "columns"), [(40, 32), (31, 40), (1, 1), (4000, 3100)])
def test_size_of_the_stream_is_the_headers(codec: str, rows: int, columns: int) -> None:
    uid, encode = _encoders(codec)
    with pytest.raises(Invalid) as caught:
        decoded(image_header(rows, columns), encode(GREY16), uid)
    names = "(0028,0010) Rows, (0028,0011) Columns, (0028,0002) SamplesPerPixel"
    assert caught.value.message == f"{names} are {rows}, {columns}, 1, the compressed frame holds 40, 31, 1"


@pytest.mark.parametrize("codec", ["JPEG XL", "RLE", "deflated frame"])
def test_stream_smaller_than_the_header_says(codec: str) -> None:
    uid, encode = _encoders(codec)
    with pytest.raises(Invalid, match=r"^\(7FE0,0010\) PixelData"):
        decoded(image_header(400, 310), encode(GREY16), uid)


def test_colour_under_a_grey_header() -> None:
    with pytest.raises(Invalid, match="are 64, 64, 1, the compressed frame holds 64, 64, 3"):
        decoded(image_header(64, 64, BitsAllocated=8), _ybr(), JPEG)


@pytest.mark.parametrize("codec", LOSSLESS_CODECS)
@pytest.mark.parametrize("part", [0, 1, 20, 0.5, 0.95])
def test_stream_cut_short(codec: str, part: float) -> None:
    uid, encode = _encoders(codec)
    stream = encode(GREY16)
    cut = stream[: part if isinstance(part, int) else int(len(stream) * part)]
    with pytest.raises(Invalid, match=r"^\(7FE0,0010\) PixelData"):
        decoded(image_header(*GREY16.shape), cut, uid)


def test_words_wider_than_bits_allocated() -> None:
    """Shown as far as the header allows; native bytes of that width there are none."""
    header = image_header(*GREY16.shape, BitsAllocated=8)
    stream = imagecodecs.jpegls_encode(GREY16)
    assert np.array_equal(decoded(header, stream, JPEG_LS), GREY16 & 0xFF)
    assert transcode_frame(header, stream, transfer_syntax_uid=JPEG_LS, frame_number=1) == (
        (GREY16 & 0xFF).astype(np.uint8).tobytes()
    )


def _render(header: Dataset, stream: bytes, uid: str) -> str:
    try:
        return render_frame(header, stream, transfer_syntax_uid=uid, frame_number=1).media_type
    except Invalid as error:
        return error.message


STREAMS = {name: (uid, encode(GREY8)) for name, (uid, encode) in LOSSLESS_CODECS.items()}


# OpenJPH tells of broken code-blocks where no exception can be raised; what it leaves undone is seen.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_damaged_stream_is_a_picture_or_a_clear_error(codec: str, data: st.DataObject) -> None:
    uid, stream = STREAMS[codec]
    damaged = bytearray(stream)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    answer = _render(image_header(*GREY8.shape, BitsAllocated=8), bytes(damaged), uid)
    assert answer == "image/jpeg" or answer.startswith(("(7FE0,0010) PixelData", "(0028,0010) Rows"))


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (b"\1\0\0", "the frame is too short for an RLE header"),
        (struct.pack("<16I", 99, *range(64, 79)), "the RLE header points outside its frame"),
        (struct.pack("<16I", 2, 64, 0xFFFFFFF0, *[0] * 13), "the RLE header points outside its frame"),
        (struct.pack("<16I", 2, 66, 65, *[0] * 13), "the RLE header points outside its frame"),
        (struct.pack("<16I", 2, 0, 64, *[0] * 13), "the RLE header points outside its frame"),
        (struct.pack("<16I", 1, 64, *[0] * 14), "the RLE frame holds 1 segments, the header needs 2"),
        (
            struct.pack("<16I", 2, 64, 66, *[0] * 13),
            "a segment of the RLE frame ends before its plane is full",
        ),
    ],
)
def test_rle_header_that_cannot_be(header: bytes, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        decoded(image_header(2, 2), header + b"\xfd\1\0\1\0\1", RLE)
    assert caught.value.message == f"(7FE0,0010) PixelData: {told}"


def test_jpeg_without_its_end() -> None:
    for uid, stream in ((JPEG, _ybr()), (JPEG_LS, imagecodecs.jpegls_encode(RGB))):
        with pytest.raises(Invalid) as caught:
            decoded(colour_header(64, 64), stream[:-2], uid)
        assert caught.value.message == "(7FE0,0010) PixelData: the JPEG stream ends before its end marker"


@pytest.mark.parametrize("uid", [HTJ2K, HTJ2K_LOSSY])
def test_white_stays_white_in_lossy_htj2k(uid: str) -> None:
    """With loss values overshoot; they end at the last level and do not begin again at the first."""
    pattern = RANDOM.integers(0, 2, (64, 64), dtype=np.uint8) * 255
    stream = imagecodecs.htj2k_encode(pattern, reversible=False, level=0.05)
    ours = decoded(image_header(64, 64, BitsAllocated=8), stream, uid)
    assert np.abs(ours.astype(int) - pattern).max() < 40


@pytest.mark.parametrize("values", [GREY8, GREY12, GREY16, RGB], ids=["8", "12", "16", "colour"])
@pytest.mark.parametrize("reversible", [True, False])
def test_htj2k_is_openjpegs(values: np.ndarray, reversible: bool) -> None:
    stream = imagecodecs.htj2k_encode(values, reversible=reversible)
    bits = 8 * values.itemsize
    header = colour_header(64, 64) if values.ndim == 3 else image_header(*values.shape, BitsAllocated=bits)
    assert np.array_equal(decoded(header, stream, HTJ2K), openjpeg.decode(stream))


def test_htj2k_without_its_end() -> None:
    stream = imagecodecs.htj2k_encode(GREY12, reversible=True)
    for part in (0.5, 0.9, 0.99):
        with pytest.raises(Invalid, match="the HTJ2K codestream ends before its end marker"):
            decoded(image_header(*GREY12.shape), stream[: int(part * len(stream))], HTJ2K)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_htj2k_that_breaks_on_the_way() -> None:
    """OpenJPH stops and leaves the rest of the room as it was: what is shown is never that."""
    stream = bytearray(imagecodecs.htj2k_encode(GREY12, reversible=True))
    for position in range(200, len(stream) - 20, 97):
        stream[position] ^= 0xFF
    assert len({_told(image_header(*GREY12.shape), bytes(stream)) for _ in range(3)}) == 1


def _told(header: Dataset, stream: bytes) -> bytes | str:
    try:
        return decoded(header, stream, HTJ2K).tobytes()
    except Invalid as error:
        return error.message
