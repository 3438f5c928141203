"""What a report holds, checked field by field, and its canonical form for hashing."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any

from storage.errors import Invalid
from storage.identity import required_uid

TEXT_FIELDS = ("technique", "clinical_info", "comparison", "findings", "impression", "recommendation")
MAX_TEXT = 20_000
MAX_KEY_IMAGES = 12
MAX_CAPTION = 200
MAX_FRAME_NUMBER = 2**31 - 1
_REQUIRED = {"findings": "影像所见 findings", "impression": "影像诊断 impression"}

Content = dict[str, Any]


def empty_content() -> Content:
    """A report nobody has written in."""
    return {**dict.fromkeys(TEXT_FIELDS, ""), "positivity": None, "key_images": []}


def checked_content(value: Any) -> Content:
    """A draft's content with every field there and nothing else. Raises `Invalid`, naming the field."""
    if not isinstance(value, dict):
        raise Invalid("content is not an object", field="content")
    content = empty_content()
    if unknown := sorted(set(value) - set(content)):
        raise Invalid(f"content.{unknown[0]!a} is not a field of a report", field="content")
    for name in TEXT_FIELDS:
        content[name] = _checked_text(value.get(name, ""), name, MAX_TEXT)
    content["positivity"] = _checked_positivity(value.get("positivity"))
    content["key_images"] = _checked_key_images(value.get("key_images", []))
    return content


def require_complete(content: Content) -> None:
    """What must be filled before anybody puts a name under it. Raises `Invalid` with `missing`."""
    missing = [name for name in _REQUIRED if not content[name].strip()]
    if content["positivity"] is None:
        missing.append("positivity")
    if missing:
        words = ", ".join(_REQUIRED.get(name, "阳性/阴性 positivity") for name in missing)
        raise Invalid(f"the report is not complete: {words}", code="REPORT_INCOMPLETE", missing=missing)


def canonical_hash(value: Any) -> str:
    """SHA-256 in hex over sorted keys, UTF-8 in NFC, and no floating point numbers."""
    data = json.dumps(_canonical(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(data.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # so that 40 and 40.0, the same after a trip through a database, are the same here
    if isinstance(value, dict):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    return value


def _checked_text(value: Any, name: str, limit: int) -> str:
    if not isinstance(value, str):
        raise Invalid(f"content.{name} is not a text", field=f"content.{name}")
    if len(value) > limit:
        raise Invalid(f"content.{name} is longer than {limit} characters", field=f"content.{name}")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise Invalid(f"content.{name} holds half a character (a lone surrogate)", field=f"content.{name}")
    return value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _checked_positivity(value: Any) -> str | None:
    if value in (None, "POSITIVE", "NEGATIVE"):
        return value  # type: ignore[no-any-return]
    raise Invalid("content.positivity is POSITIVE, NEGATIVE or null", field="content.positivity")


def _checked_key_images(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise Invalid("content.key_images is not a list", field="content.key_images")
    if len(value) > MAX_KEY_IMAGES:
        raise Invalid(f"content.key_images: {MAX_KEY_IMAGES} at most", field="content.key_images")
    return [_checked_key_image(item, index) for index, item in enumerate(value)]


def _checked_key_image(item: Any, index: int) -> dict[str, Any]:
    where = f"key_images[{index}]"
    if not isinstance(item, dict):
        raise Invalid(f"content.{where} is not an object", field=f"content.{where}")
    frame_number = item.get("frame_number", 1)
    if (
        not isinstance(frame_number, int)
        or isinstance(frame_number, bool)
        or not 1 <= frame_number <= MAX_FRAME_NUMBER
    ):
        raise Invalid(f"content.{where}.frame_number counts from 1", field=f"content.{where}.frame_number")
    return {
        "series_instance_uid": required_uid(
            item.get("series_instance_uid"), f"content.{where}.series_instance_uid"
        ),
        "sop_instance_uid": required_uid(item.get("sop_instance_uid"), f"content.{where}.sop_instance_uid"),
        "frame_number": frame_number,
        "window": _checked_window(item.get("window"), where),
        "caption": _checked_text(item.get("caption", ""), f"{where}.caption", MAX_CAPTION),
    }


def _checked_window(value: Any, where: str) -> list[float] | None:
    if value is None:
        return None
    numbers = isinstance(value, list) and all(isinstance(part, int | float) for part in value)
    if not numbers or len(value) != 2 or value[1] <= 0 or not all(abs(part) < 1e9 for part in value):
        raise Invalid(f"content.{where}.window is [center, width]", field=f"content.{where}.window")
    return [float(part) for part in value]
