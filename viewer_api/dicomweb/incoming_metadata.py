"""Instances that come as metadata and bulk data (PS3.18 10.5.2, Annex F), put together for the one door."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from contextlib import suppress
from typing import Any

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate_buffer
from pydicom.uid import UID

from storage.errors import Invalid
from storage.identity import required_uid
from storage.json_model import JsonModel
from viewer_api.dicomweb.incoming_parts import IncomingPart
from viewer_api.dicomweb.media_types import (
    DICOM_JSON,
    EXPLICIT_VR_LITTLE_ENDIAN,
    SYNTAX_OF_MEDIA_TYPE,
    is_native,
)
from viewer_api.dicomweb.storing import Storing

_JSON = (DICOM_JSON, "application/json")
_MAX_METADATA = 64 << 20
_MAX_VALUE = 256 << 20
"""Of a value that is no pixels: it lies in memory."""
_PIXELS = {"7FE00008": "OF", "7FE00009": "OD", "7FE00010": "OW"}
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, NotImplementedError)
"""What pydicom raises over a model that is none."""


class MetadataForm:
    """Gathers the parts of one request; instances are made when the last has come, as bulk data follow metadata."""

    def __init__(self, storing: Storing) -> None:
        self._storing = storing
        self._metadata: list[IncomingPart] = []
        self._bulk: defaultdict[str, list[IncomingPart]] = defaultdict(list)

    def take(self, part: IncomingPart) -> None:
        """Raises `Invalid` for a part that is neither metadata nor has a place that metadata could refer to."""
        if part.kind.media_type in _JSON:
            self._metadata.append(part)
        else:
            self._bulk[part.content_location].append(part)
            if not part.content_location:
                raise Invalid("a part of bulk data needs a Content-Location")
        if sum(each.size for each in self._metadata) > _MAX_METADATA:
            raise Invalid(f"metadata are larger than {_MAX_METADATA >> 20} MiB", code="TOO_LARGE")

    def store(self) -> None:
        """Hand the instances on, one after the other. Raises `Invalid` for metadata that are no DICOM JSON at all."""
        for part in self._metadata:
            for model in _models(part):
                self._store(model)

    def close(self) -> None:
        """Give the disk space back."""
        for part in (*self._metadata, *(each for parts in self._bulk.values() for each in parts)):
            part.close()

    def _store(self, model: JsonModel) -> None:
        made = IncomingPart(self._storing.archive)
        try:
            _Instance(model, self._bulk).write_to(made)
        except _BROKEN:
            made.close()
            self._storing.refuse(Invalid("these metadata are no DICOM JSON"), *_named(model))
        except Invalid as why:
            made.close()
            self._storing.refuse(why, *_named(model))
        else:
            self._storing.take(made)


def _models(part: IncomingPart) -> list[JsonModel]:
    try:
        with part.opened() as buffer:
            models = json.loads(bytes(buffer))
    except (ValueError, RecursionError) as why:
        raise Invalid("a part of metadata is no JSON") from why
    models = models if isinstance(models, list) else [models]
    if not all(isinstance(model, dict) for model in models):
        raise Invalid("metadata are a list of data sets (PS3.18 F.2.1)")
    return models


def _named(model: JsonModel) -> tuple[str, str]:
    return _first(model, "00080016"), _first(model, "00080018")


def _first(model: JsonModel, tag: str) -> str:
    with suppress(KeyError, IndexError, TypeError, AttributeError):
        return str(model[tag]["Value"][0])
    return ""


class _Instance:
    """One model with what it refers to."""

    def __init__(self, model: JsonModel, bulk: dict[str, list[IncomingPart]]) -> None:
        self._bulk = bulk
        self._pixels = {tag: model[tag] for tag in _PIXELS if "BulkDataURI" in model.get(tag, {})}
        self._rest = {
            tag: element
            for tag, element in model.items()
            if tag not in self._pixels and not tag.startswith("0002") and tag != "00083002"
        }
        self._said = _first(model, "00020010") or _first(model, "00083002")

    def write_to(self, part: IncomingPart) -> None:
        """As a PS3.10 file. Raises `Invalid`, and `_BROKEN` for a model that is none."""
        dataset = Dataset.from_json(self._rest, self._value)
        dataset.SpecificCharacterSet = "ISO_IR 192"  # PS3.18 F.2.2: JSON is UTF-8
        syntax = self._syntax()
        for tag in self._pixels:
            self._put_pixels(dataset, tag, syntax)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
        written = _Writing(part)
        dcmwrite(written, dataset, enforce_file_format=True)
        written.flush()

    def _parts(self, uri: object) -> list[IncomingPart]:
        found = self._bulk.get(str(uri))
        if not found:
            raise Invalid("metadata refer to bulk data that did not come")
        return found

    def _value(self, uri: str) -> bytes:
        (part,) = self._parts(uri)
        if part.size > _MAX_VALUE:
            raise Invalid(f"a value is larger than {_MAX_VALUE >> 20} MiB", code="TOO_LARGE")
        with part.opened() as buffer:
            return bytes(buffer) + b"\0" * (part.size % 2)

    def _syntax(self) -> str:
        """What the part of the pixels says, else the metadata, else the media type."""
        for element in self._pixels.values():
            kind = self._parts(element["BulkDataURI"])[0].kind
            by_type = SYNTAX_OF_MEDIA_TYPE.get(kind.content_type, EXPLICIT_VR_LITTLE_ENDIAN)
            said = kind.transfer_syntax or self._said or by_type
            syntax = required_uid(said, "transfer-syntax")
            return EXPLICIT_VR_LITTLE_ENDIAN if is_native(syntax) else syntax
        return EXPLICIT_VR_LITTLE_ENDIAN

    def _put_pixels(self, dataset: Dataset, tag: str, syntax: str) -> None:
        """Several parts of one location are the frames in their order."""
        parts = self._parts(self._pixels[tag]["BulkDataURI"])
        files = [part.file() for part in parts]
        if not is_native(syntax):
            frames = int(dataset.get("NumberOfFrames") or 1)
            if len(files) != frames:
                raise Invalid(f"there are {len(files)} parts for {frames} compressed frames")
            dataset.add_new(tag, "OB", encapsulate_buffer(files))
            dataset[tag].is_undefined_length = True
            return
        if len(files) > 1:
            raise Invalid("uncompressed pixels come in one part")
        vr = "OB" if dataset.get("BitsAllocated", 16) <= 8 and tag == "7FE00010" else _PIXELS[tag]
        dataset.add_new(tag, vr, files[0])


class _Writing(io.RawIOBase):
    """The end of a part that is written to as to a file; a few bytes at a time are gathered."""

    def __init__(self, part: IncomingPart) -> None:
        self._part, self._gathered, self._told = part, bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._gathered += data
        self._told += len(data)
        if len(self._gathered) > 1 << 20:
            self.flush()
        return len(data)

    def tell(self) -> int:
        return self._told

    def flush(self) -> None:
        if self._gathered:
            self._part.write(bytes(self._gathered))
            self._gathered.clear()
