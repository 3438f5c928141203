"""What metadata say of one instance, as text (PS3.18 10.4.1.1.2): the header, and what stands in for the pixels.

Bulk values are told by absolute address. What an address begins with, up to ``/dicom-web``, depends on how a client
reached us and is left a gap (`storage.gapped_gzip`): `address_in_gap` is what fills it.
"""

from __future__ import annotations

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from storage.blobs import BlobStore
from storage.gapped_gzip import GAP, WIDTH
from storage.header_texts import HeaderTexts
from storage.json_model import JsonModel, json_text
from storage.retrieve import StoredInstance

_REFERENCE, _NAME = b'"BulkDataURI":"', b'"BulkDataURI":'
_NATIVE = frozenset(
    {
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    }
)


def address_in_gap(base: str) -> bytes:
    """`base`, up to and with ``/dicom-web``, with the quotation mark before it; blanks before that as far as there is
    room (RFC 8259 section 2). Longer than a gap if it must be."""
    return f'"{base}'.encode("ascii").rjust(WIDTH)


class MetadataTexts:
    """Makes the texts of instances, one after the other; fast if they are of one series. For one thread."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._headers = HeaderTexts()

    def text(self, found: StoredInstance) -> bytes:
        """A JSON object in UTF-8. Raises `Corrupt` if a header that is not in the index is gone."""
        header = self._headers.encode(found.header_bytes(self._blobs), found.encoding, found.charset_terms)
        added: JsonModel = {"00083002": {"vr": "UI", "Value": [found.transfer_syntax_uid]}}
        if found.packed_layout is not None:
            tag, vr = self._pixel_element(found, header.has_bits_stored)
            added[tag] = {"vr": vr, "BulkDataURI": f"bulkdata/{tag}"}
        parts = [header.json[:-1], json_text(added)[1:]]
        reference = _NAME + GAP + _path(found)
        return b",".join(
            part.replace(_REFERENCE, reference) if _REFERENCE in part else part for part in parts
        )

    def _pixel_element(self, found: StoredInstance, has_bits_stored: bool) -> tuple[str, str]:
        """Floating point pixels are told by what they lack, as their element itself is not in the header."""
        if found.transfer_syntax_uid not in _NATIVE:
            return "7FE00010", "OB"
        if not has_bits_stored:
            floating = {32: ("7FE00008", "OF"), 64: ("7FE00009", "OD")}
            model = found.header_json(self._blobs, ["00280100"])
            for allocated in model.get("00280100", {}).get("Value", [])[:1]:
                return floating.get(allocated, ("7FE00010", "OW"))
        return "7FE00010", "OW"


def _path(found: StoredInstance) -> bytes:
    """From the base to the instance."""
    above = f"/studies/{found.study_instance_uid}/series/{found.series_instance_uid}"
    return f"{above}/instances/{found.sop_instance_uid}/".encode("ascii")
