"""An instance's header as the index keeps it: the encoded bytes before the pixels, packed, or nothing if they are many.

Bytes take less room than JSON and cost nothing to make; what somebody asks for is decoded then. A header that is not
kept is one range read of the instance's blob.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from storage.blobs import BlobStore
from storage.dataset import decode
from storage.errors import NotFound
from storage.header import inflate
from storage.json_encoder import encode_json
from storage.json_model import JsonModel
from storage.kept_bytes import read_kept
from storage.structure import Encoding, walk
from storage.tables import instance


@dataclass(frozen=True)
class StoredHeader:
    """What the index holds of a header, and where the rest lies."""

    transfer_syntax_uid: str
    blob_key: str
    blob_offset: int
    length: int
    dataset_offset: int
    header_length: int
    charset: str
    packed_header: bytes | None

    @property
    def encoding(self) -> Encoding:
        """How its bytes are written."""
        return Encoding.of(self.transfer_syntax_uid)

    @property
    def charset_terms(self) -> tuple[str, ...]:
        """The values of (0008,0005) that read its texts right."""
        return tuple(self.charset.split("\\"))

    def header_bytes(self, blobs: BlobStore | None) -> bytes:
        """The encoded data set before the pixels; a deflated one is inflated. Without `blobs` it must be packed."""
        if self.packed_header is not None:
            return zlib.decompress(self.packed_header)
        if blobs is None:
            raise NotFound("this header is not in the index")
        if self.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
            return inflate(read_kept(blobs, self, self.dataset_offset), 0)[: self.header_length]
        return read_kept(blobs, self, self.dataset_offset, self.header_length)

    def header_json(
        self,
        blobs: BlobStore | None,
        tags: Iterable[str] | None = None,
        groups: Iterable[str] | None = None,
    ) -> JsonModel:
        """All attributes but the pixels in the DICOM JSON model (PS3.18 Annex F), or the outermost `tags` or `groups`
        of them, eight and four hexadecimal digits each."""
        wanted, of_groups = (
            None if given is None else frozenset(int(each, 16) for each in given) for given in (tags, groups)
        )
        return encode_json(self.header_bytes(blobs), self.encoding, self.charset_terms, wanted, of_groups)

    def decoded_header(self, blobs: BlobStore) -> Dataset:
        """The same as a pydicom data set, its values as they are encoded."""
        data = self.header_bytes(blobs)
        return decode(data, walk(data, 0, self.encoding), self.encoding, self.charset_terms)


HEADER_COLUMNS = (
    instance.c.transfer_syntax_uid,
    instance.c.blob_key,
    instance.c.blob_offset,
    instance.c.length,
    instance.c.dataset_offset,
    instance.c.header_length,
    instance.c.charset,
    instance.c.header.label("packed_header"),
)
"""What a row must have to be a `StoredHeader`."""
