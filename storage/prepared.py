"""An instance between the wire and the index: who sent it, what it was claimed to be, what it is."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property

from storage.blob_name import BlobName
from storage.header import Header
from storage.identity import MAX_UID_LENGTH
from storage.pack import Member
from storage.part10 import file_header
from storage.receipt import Aside, Outcome, Receipt


@dataclass(frozen=True)
class Sender:
    """Where an instance came from: `site` is whose it is, `name` an AE title, a user, or a command. `charset` and
    `issuer` are assumed where the instance does not say."""

    site: str
    name: str
    charset: str = ""
    issuer: str = ""


@dataclass(frozen=True)
class Claim:
    """What the wire says of an instance before its data set is read: of C-STORE the affected SOP class and instance,
    and the transfer syntax of the presentation context. UIDs may be padded (PS3.5 9.1)."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str

    @cached_property
    def head(self) -> bytes:
        """What the wire writes into the spool before the data set: our file head, canonical whatever the padding."""
        return file_header(
            plain_uid(self.sop_class_uid), plain_uid(self.sop_instance_uid), self.transfer_syntax_uid
        )


def plain_uid(uid: str) -> str:
    """Without padding; of what is too long to be a UID as much as fits into a file head."""
    return uid.strip(" \0")[:MAX_UID_LENGTH]


@dataclass(frozen=True)
class Prepared:
    """An instance that was read and named, whose bytes are kept or about to be. `blob` says where it came from and
    when, `length` are its bytes, of which the data set begins at `dataset_offset`. They lie in a blob of their own, or
    from `blob_offset` on in the pack `pack_key`.

    It is made when an instance arrives, or from a blob: its key parsed, its header read."""

    header: Header
    sender: Sender
    blob: BlobName
    length: int
    dataset_offset: int
    pack_key: str = ""
    blob_offset: int = 0

    @cached_property
    def blob_key(self) -> str:
        """The blob in which the bytes lie."""
        return self.pack_key or self.blob.key

    @property
    def place(self) -> tuple[str, int]:
        """Where the bytes lie: in which blob, and from where on."""
        return self.blob_key, self.blob_offset

    def packed_into(self, member: Member) -> Prepared:
        """The same, lying in a pack; what was computed stays."""
        moved = copy(self)
        moved.__dict__.update(
            pack_key=member.blob_key, blob_offset=member.blob_offset, blob_key=member.blob_key
        )
        return moved

    @cached_property
    def issuer(self) -> str:
        """Who gave the PatientID its meaning: the data set says, or we know of the sender."""
        return self.header.issuer_of_patient_id or self.sender.issuer

    def pack(self) -> None:
        """Do now what need not be done while others wait for the commit."""
        self.header.pack()
        self.blob_key  # noqa: B018 - it is computed once

    def receipt(
        self,
        outcome: Outcome,
        detail: str = "",
        *,
        place: tuple[str, int] | None = None,
        aside: Aside | None = None,
    ) -> Receipt:
        """What is answered; `place` is where the bytes lie if it is another one than this one's."""
        header = self.header
        return Receipt(
            outcome,
            header.study_instance_uid,
            header.series_instance_uid,
            header.sop_instance_uid,
            header.sop_class_uid,
            header.transfer_syntax_uid,
            detail,
            *(place or self.place),
            place is None or place == self.place,
            aside,
        )
