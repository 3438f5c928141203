"""The index, as tables. Migrations build the same schema, and a test compares the two.

Everything here can be rebuilt from the blobs, except who we know (sites, nodes) and the record of acts (audit).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects.postgresql import VARCHAR
from sqlalchemy.types import TypeDecorator, TypeEngine

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

Id = BigInteger().with_variant(Integer, "sqlite")
"""A row number: 64 bits; SQLite only counts up by itself on its own INTEGER."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC moment; SQLite, which has no zones, keeps it as naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive times: they are a bug, not a value."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def ordered(length: int) -> TypeEngine[str]:
    """A text compared by code points on every database, so that an index serves a search for beginnings."""
    return String(length).with_variant(VARCHAR(length, collation="C"), "postgresql")


def uid(name: str, **kwargs: Any) -> Column[str]:
    """A UID column; 64 characters by PS3.5 9.1."""
    return Column(name, ordered(64), **kwargs)


site = Table(
    "site",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("level", String(20), nullable=False),
    Column("timezone", Text, nullable=False),
)

node = Table(
    "node",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    Column("ae_title", String(16), nullable=False),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("receives", JSON, nullable=False),
    Column("charset", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("may", JSON, nullable=False),
    Column("certificate", Text, nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("queryable", Boolean, nullable=False),
    UniqueConstraint("ae_title", "host"),
)

refusal = Table(
    "refusal",
    metadata,
    Column("id", Id, primary_key=True),
    Column("calling_ae_title", Text, nullable=False),
    Column("called_ae_title", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("count", Integer, nullable=False),
    UniqueConstraint("calling_ae_title", "called_ae_title", "address", "reason"),
)

patient = Table(
    "patient",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    Column("issuer", String(64), nullable=False),
    Column("patient_id", ordered(64), nullable=False),
    Column("patient_name", Text, nullable=False),
    Column("name_search", Text, nullable=False),
    Column("charset_suspect", Boolean, nullable=False),
    Column("patient_birth_date", String(8), nullable=False),
    Column("patient_sex", String(16), nullable=False),
    # the same ID under another name is another row: what a study says of its patient is never overwritten
    UniqueConstraint(
        "site",
        "issuer",
        "patient_id",
        "patient_name",
        "patient_birth_date",
        "patient_sex",
        name="uq_patient_as_described",
    ),
    Index(None, "patient_id"),
)

# the words a name is found by, in an index of their own: `storage.name_search`
patient_word = Table(
    "patient_word",
    metadata,
    Column("word", ordered(64), nullable=False),
    Column("site", String(16), nullable=False),
    Column("patient", ForeignKey("patient.id"), nullable=False),
    PrimaryKeyConstraint("word", "site", "patient"),
    sqlite_with_rowid=False,
)

study = Table(
    "study",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    Column("patient", ForeignKey("patient.id"), nullable=False),
    uid("study_instance_uid", nullable=False),
    Column("study_date", ordered(8), nullable=False),
    Column("study_time", ordered(16), nullable=False),
    Column("accession_number", ordered(64), nullable=False),
    Column("study_id", String(64), nullable=False),
    Column("study_description", Text, nullable=False),
    Column("referring_physician_name", Text, nullable=False),
    Column("modalities_in_study", Text, nullable=False),
    Column("number_of_study_related_series", Integer, nullable=False),
    Column("number_of_study_related_instances", Integer, nullable=False),
    Column("received_series", Integer, nullable=False),
    Column("received_instances", Integer, nullable=False),
    Column("received_modalities", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    # whether all of it is rejected, and whether a rejection note names any of it
    Column("rejected", Boolean, nullable=False, default=False, server_default=false()),
    Column("noted", Boolean, nullable=False, default=False, server_default=false()),
    Column("attributes", JSON, nullable=False),
    Column("first_received_at", Instant, nullable=False),
    Column("last_received_at", Instant, nullable=False),
    UniqueConstraint("site", "study_instance_uid"),
    Index(None, "study_instance_uid"),
    # each holds what a search sorts by and what it looks at on the way, so that it passes rows by without reading them
    Index(None, "patient", "study_date", "study_time", "id", "site", "rejected"),
    Index(None, "study_date", "study_time", "id", "patient", "site", "rejected"),
    Index(None, "site", "study_date", "study_time", "id", "patient", "rejected"),
    Index(None, "accession_number"),
    Index(None, "last_received_at"),
)

series = Table(
    "series",
    metadata,
    Column("id", Id, primary_key=True),
    Column("study", ForeignKey("study.id"), nullable=False),
    uid("series_instance_uid", nullable=False),
    Column("modality", String(16), nullable=False),
    Column("series_number", Integer),
    Column("series_description", Text, nullable=False),
    Column("body_part_examined", String(64), nullable=False),
    Column("number_of_series_related_instances", Integer, nullable=False),
    Column("attributes", JSON, nullable=False),
    UniqueConstraint("study", "series_instance_uid"),
    Index(None, "series_instance_uid"),
    Index(None, "modality", "study"),
)

instance = Table(
    "instance",
    metadata,
    Column("id", Id, primary_key=True),
    Column("series", ForeignKey("series.id"), nullable=False),
    Column("site", ForeignKey("site.code"), nullable=False),
    uid("sop_instance_uid", nullable=False),
    uid("sop_class_uid", nullable=False),
    uid("transfer_syntax_uid", nullable=False),
    Column("instance_number", Integer),
    Column("rows", Integer),
    Column("columns", Integer),
    Column("number_of_frames", Integer, nullable=False),
    Column("blob_key", Text, nullable=False),
    Column("blob_offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("dataset_offset", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("layout", LargeBinary),
    Column("header", LargeBinary),
    Column("header_length", Integer, nullable=False),
    Column("charset", Text, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("sender", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("rejection", ForeignKey("rejection.id")),
    UniqueConstraint("site", "sop_instance_uid"),
    Index(None, "series", "instance_number"),
    Index(None, "rejection"),
    Index(None, "sop_instance_uid"),
    Index(None, "blob_key"),  # which blobs nobody names is asked of every blob
)

# metadata as they are given away, in parts of some instances: `storage.series_metadata`
series_metadata = Table(
    "series_metadata",
    metadata,
    Column("series", ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("form", Integer, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("last_instance", BigInteger, nullable=False),
    Column("members", LargeBinary, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("series", "number"),
)

# a rejection note, and the SOP Instance UIDs that it names: `storage.rejections`
rejection = Table(
    "rejection",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    uid("study_instance_uid", nullable=False),
    uid("sop_instance_uid", nullable=False),
    Column("code", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("instances", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    Column("undone_at", Instant),
    Column("undone_by", Text, nullable=False),
    UniqueConstraint("site", "sop_instance_uid"),
    Index(None, "site", "study_instance_uid"),
)

held_aside = Table(
    "held_aside",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    Column("kind", String(32), nullable=False),
    uid("study_instance_uid", nullable=False),
    uid("series_instance_uid", nullable=False),
    uid("sop_instance_uid", nullable=False),
    Column("blob_key", Text, nullable=False),
    Column("blob_offset", BigInteger, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("sender", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    UniqueConstraint("site", "sha256"),
    Index(None, "site", "study_instance_uid"),
    Index(None, "blob_key"),
)

left_blob = Table(
    "left_blob",
    metadata,
    Column("key", Text, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("sop_instance_uid", String(64), nullable=False),
    Column("since", Instant, nullable=False),
    Column("going", Boolean, nullable=False),
)

expectation = Table(
    "expectation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    uid("study_instance_uid", nullable=False),
    Column("source", String(16), nullable=False),
    Column("who", Text, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("series", JSON, nullable=False),
    Column("at", Instant, nullable=False),
    UniqueConstraint("site", "study_instance_uid", "source", "who"),
    Index(None, "study_instance_uid"),
)

awaited_instance = Table(
    "awaited_instance",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    uid("study_instance_uid", nullable=False),
    uid("sop_instance_uid", nullable=False),
    UniqueConstraint("site", "study_instance_uid", "sop_instance_uid"),
    Index(None, "study_instance_uid"),
)

study_sender = Table(
    "study_sender",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    uid("study_instance_uid", nullable=False),
    Column("ae_title", Text, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("broken_at", Instant),
    UniqueConstraint("site", "study_instance_uid", "ae_title"),
    Index(None, "study_instance_uid"),
    Index(None, "site", "ended_at"),
)

question = Table(
    "question",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    uid("study_instance_uid", nullable=False),
    Column("ae_title", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("ask_at", Instant, nullable=False),
    UniqueConstraint("site", "study_instance_uid", "ae_title"),
    Index(None, "ask_at"),
)

link = Table(
    "link",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    Column("ae_title", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("last_image_at", Instant),
    Column("last_trouble", Text, nullable=False),
    Column("last_trouble_at", Instant),
    Column("usual", JSON, nullable=False),
    UniqueConstraint("site", "ae_title", "host"),
)

link_hour = Table(
    "link_hour",
    metadata,
    Column("link", ForeignKey("link.id"), primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("associations", Integer, nullable=False),
    Column("stored", Integer, nullable=False),
    Column("duplicate", Integer, nullable=False),
    Column("held_aside", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Index(None, "hour"),
)

link_trouble = Table(
    "link_trouble",
    metadata,
    Column("link", ForeignKey("link.id"), primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Index(None, "hour"),
)

open_association = Table(
    "open_association",
    metadata,
    Column("id", Id, primary_key=True),
    Column("process", Text, nullable=False),
    Column("site", ForeignKey("site.code"), nullable=False),
    Column("ae_title", Text, nullable=False),
    Column("host", Text, nullable=False),
    uid("study_instance_uid", nullable=False),
    Column("sending", Boolean, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Index(None, "process"),
    Index(None, "study_instance_uid"),
)

change = Table(
    "change",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("study", ForeignKey("study.id"), nullable=False),
    Column("site", String(16), nullable=False),
    uid("study_instance_uid", nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("instance_count", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    sqlite_autoincrement=True,
)

cursor = Table(
    "cursor",
    metadata,
    Column("consumer", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False),
)

commitment = Table(
    "commitment",
    metadata,
    Column("id", Id, primary_key=True),
    Column("site", ForeignKey("site.code"), nullable=False),
    Column("ae_title", String(16), nullable=False),
    uid("transaction_uid", nullable=False),
    Column("asked", LargeBinary, nullable=False),
    Column("number_asked", Integer, nullable=False),
    Column("number_not_held", Integer),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("last_error", Text, nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("reported_at", Instant),
    UniqueConstraint("site", "ae_title", "transaction_uid"),
    Index(None, "state", "next_attempt_at"),
    Index(None, "site", "requested_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("site", String(16), nullable=False),
    Column("address", Text, nullable=False),
    Column("action", String(64), nullable=False),
    Column("object_type", String(32), nullable=False),
    Column("object_id", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", JSON, nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index(None, "object_type", "object_id"),
    sqlite_autoincrement=True,
)
