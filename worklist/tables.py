"""What we owe, as tables: people, agreements, requests and their events, drafts, reports, deliveries."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.tables import Id, Instant, metadata, uid

user = Table(
    "user_account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("username", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("name_zh", Text, nullable=False),
    Column("licence_no", Text, nullable=False),
    Column("may_sign_final", Boolean, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
)

membership = Table(
    "membership",
    metadata,
    Column("user", ForeignKey("user_account.id"), primary_key=True),
    Column("site", ForeignKey("site.code"), primary_key=True),
    Column("role", String(32), primary_key=True),
)

wrong_password = Table(
    "wrong_password",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
)

invitation = Table(
    "invitation",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("user", ForeignKey("user_account.id"), nullable=False),
    Column("expires_at", Instant, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("id", Id, primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("user", ForeignKey("user_account.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
)

agreement = Table(
    "agreement",
    metadata,
    Column("id", Id, primary_key=True),
    Column("requester", ForeignKey("site.code"), nullable=False),
    Column("reader", ForeignKey("site.code"), nullable=False),
    Column("service", String(16), nullable=False),
    Column("sign_policy", String(16), nullable=False),
    Column("auto_request", Boolean, nullable=False),
    Column("priority", String(16), nullable=False),
    Column("valid_from", Date),
    Column("valid_to", Date),
    UniqueConstraint("requester", "reader", "service"),
)

arrival = Table(
    "arrival",
    metadata,
    Column("study", ForeignKey("study.id"), primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("stable_epoch", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("waits_until", Instant),
    Index(None, "last_at"),
    Index(None, "waits_until"),
)

_IS_OPEN = text("state NOT IN ('REPORTED', 'CANCELLED')")

request = Table(
    "request",
    metadata,
    Column("id", Id, primary_key=True),
    Column("study", ForeignKey("study.id"), nullable=False),
    Column("opened_for", String(64), unique=True),
    Column("owner_site", ForeignKey("site.code"), nullable=False),
    Column("reader_site", ForeignKey("site.code"), nullable=False),
    Column("read_site", ForeignKey("site.code"), nullable=False),
    Column("review_site", ForeignKey("site.code"), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(20), nullable=False),
    Column("priority", String(16), nullable=False),
    Column("sign_policy", String(16), nullable=False),
    Column("rework", Boolean, nullable=False),
    Column("cancel_requested", Boolean, nullable=False),
    Column("author", ForeignKey("user_account.id")),
    Column("reviewer", ForeignKey("user_account.id")),
    Column("assigned_to", ForeignKey("user_account.id")),
    Column("assigned_until", Instant),
    Column("holder", ForeignKey("user_account.id")),
    Column("claim_token", String(64)),
    Column("claimed_at", Instant),
    Column("lease_until", Instant),
    Column("evidence_epoch", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("clinical", JSON, nullable=False),
    Column("submitted_at", Instant),
    Column("due_at", Instant),
    Column("time_left_s", Integer),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index(None, "study"),
    Index(None, "state", "due_at"),
    Index(None, "owner_site", "updated_at"),
    Index(None, "lease_until"),
    # a study is asked for once at a time, whoever asks
    Index("uq_request_open", "study", unique=True, sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)

request_event = Table(
    "request_event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("request", ForeignKey("request.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("command", String(32), nullable=False),
    Column("from_state", String(20), nullable=False),
    Column("to_state", String(20), nullable=False),
    Column("actor", ForeignKey("user_account.id")),
    Column("role", String(32), nullable=False),
    Column("reason_code", String(16), nullable=False),
    Column("reason_text", Text, nullable=False),
    Index(None, "request"),
    sqlite_autoincrement=True,
)

draft = Table(
    "draft",
    metadata,
    Column("request", ForeignKey("request.id"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("saved_by", ForeignKey("user_account.id"), nullable=False),
    Column("saved_at", Instant, nullable=False),
)

draft_snapshot = Table(
    "draft_snapshot",
    metadata,
    Column("id", Id, primary_key=True),
    Column("request", ForeignKey("request.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("content", JSON, nullable=False),
    Column("saved_by", ForeignKey("user_account.id"), nullable=False),
    Column("saved_at", Instant, nullable=False),
    UniqueConstraint("request", "version"),
)

report = Table(
    "report",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("request", ForeignKey("request.id"), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
)

report_version = Table(
    "report_version",
    metadata,
    Column("id", Id, primary_key=True),
    Column("report", ForeignKey("report.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("content", JSON, nullable=False),
    Column("author", ForeignKey("user_account.id"), nullable=False),
    Column("signer", ForeignKey("user_account.id"), nullable=False),
    Column("licence_no", Text, nullable=False),
    Column("signed_at", Instant, nullable=False),
    Column("method", String(32), nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("evidence_hash", String(64), nullable=False),
    Column("prev_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    UniqueConstraint("report", "n"),
)

document = Table(
    "document",
    metadata,
    Column("id", Id, primary_key=True),
    Column("report_version", ForeignKey("report_version.id"), nullable=False),
    Column("format", String(16), nullable=False),
    Column("site", ForeignKey("site.code"), nullable=False),
    uid("sop_instance_uid", nullable=False),
    Column("sha256", String(64), nullable=False),
    UniqueConstraint("report_version", "format"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("document", ForeignKey("document.id"), nullable=False),
    Column("request", ForeignKey("request.id"), nullable=False),
    Column("ae_title", String(16), nullable=False),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("last_error", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("document", "ae_title", "host"),
    Index(None, "state", "next_attempt_at"),
    Index(None, "request"),
)
