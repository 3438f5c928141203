"""The media type of each transfer syntax's frames (PS3.18 Tables 8.7.3-2 to 8.7.3-5)."""

from __future__ import annotations

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"
OCTET_STREAM = "application/octet-stream"
DICOM = "application/dicom"
DICOM_JSON = "application/dicom+json"
ZIP = "application/zip"

_JPEG = "1.2.840.10008.1.2.4."
FRAME_MEDIA_TYPE = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **{f"{_JPEG}{number}": "image/jpeg" for number in range(50, 71)},
    **{f"{_JPEG}{number}": "image/jls" for number in (80, 81)},
    **{f"{_JPEG}{number}": "image/jp2" for number in (90, 91)},
    **{f"{_JPEG}{number}": "image/jpx" for number in (92, 93)},
    **{f"{_JPEG}{number}": "video/mpeg" for number in (100, 101)},
    **{f"{_JPEG}{number}": "video/mp4" for number in range(102, 107)},
    **{f"{_JPEG}{number}": "video/H265" for number in (107, 108)},
    **{f"{_JPEG}{number}": "image/jxl" for number in (110, 111, 112)},
    **{f"{_JPEG}{number}": "image/jphc" for number in (201, 202, 203)},
}
SYNTAX_OF_MEDIA_TYPE = {
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    **{
        f"image/{name}": f"{_JPEG}{number}"
        for name, number in (("jpeg", 50), ("jls", 80), ("jp2", 90), ("jpx", 92))
    },
    **{f"video/{name}": f"{_JPEG}{number}" for name, number in (("mpeg", 100), ("mp4", 102))},
}
"""Of what comes without a transfer syntax (PS3.18 Tables 8.7.3-4, 8.7.3-5)."""
_NATIVE = frozenset(
    {
        "1.2.840.10008.1.2",
        EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
        "1.2.840.10008.1.2.1.99",
    }
)
_OTHER_SPELLINGS = {
    "image/x-dicom-rle": "image/dicom-rle",
    "image/x-jls": "image/jls",
    "video/mpeg2": "video/mpeg",
}


def frame_media_type(transfer_syntax_uid: str) -> str:
    """Of a frame in that syntax; what the standard has no row for is a stream of octets."""
    return FRAME_MEDIA_TYPE.get(transfer_syntax_uid, OCTET_STREAM)


def is_native(transfer_syntax_uid: str) -> bool:
    """Whether frames lie side by side, not encapsulated."""
    return transfer_syntax_uid in _NATIVE


def today_spelling(media_type: str) -> str:
    """The registered name for one that older clients use."""
    return _OTHER_SPELLINGS.get(media_type, media_type)
