"""Everything that is held and owed at the beginning."""

import sqlalchemy as sa
from alembic import op

from storage.tables import Id, Instant, ordered

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("object_type", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_audit_object_type_object_id"), "audit", ["object_type", "object_id"], unique=False
    )
    op.create_table(
        "cursor",
        sa.Column("consumer", sa.String(length=32), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_cursor")),
    )
    op.create_table(
        "refusal",
        sa.Column("id", Id, nullable=False),
        sa.Column("calling_ae_title", sa.Text(), nullable=False),
        sa.Column("called_ae_title", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refusal")),
        sa.UniqueConstraint(
            "calling_ae_title",
            "called_ae_title",
            "address",
            "reason",
            name=op.f("uq_refusal_calling_ae_title_called_ae_title_address_reason"),
        ),
    )
    op.create_table(
        "site",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_site")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", Id, nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("licence_no", sa.Text(), nullable=False),
        sa.Column("may_sign_final", sa.Boolean(), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("username", name=op.f("uq_user_account_username")),
    )
    op.create_table(
        "agreement",
        sa.Column("id", Id, nullable=False),
        sa.Column("requester", sa.String(length=16), nullable=False),
        sa.Column("reader", sa.String(length=16), nullable=False),
        sa.Column("service", sa.String(length=16), nullable=False),
        sa.Column("sign_policy", sa.String(length=16), nullable=False),
        sa.Column("auto_request", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["reader"], ["site.code"], name=op.f("fk_agreement_reader")),
        sa.ForeignKeyConstraint(["requester"], ["site.code"], name=op.f("fk_agreement_requester")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement")),
        sa.UniqueConstraint(
            "requester", "reader", "service", name=op.f("uq_agreement_requester_reader_service")
        ),
    )
    op.create_table(
        "held_aside",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("series_instance_uid", ordered(64), nullable=False),
        sa.Column("sop_instance_uid", ordered(64), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=False),
        sa.Column("blob_offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_held_aside_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_aside")),
        sa.UniqueConstraint("site", "sha256", name=op.f("uq_held_aside_site_sha256")),
    )
    op.create_index(
        op.f("ix_held_aside_site_study_instance_uid"),
        "held_aside",
        ["site", "study_instance_uid"],
        unique=False,
    )
    op.create_index(op.f("ix_held_aside_blob_key"), "held_aside", ["blob_key"], unique=False)
    op.create_table(
        "left_blob",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("going", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_left_blob")),
    )
    op.create_table(
        "expectation",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("series", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_expectation_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expectation")),
        sa.UniqueConstraint(
            "site",
            "study_instance_uid",
            "source",
            "who",
            name=op.f("uq_expectation_site_study_instance_uid_source_who"),
        ),
    )
    op.create_index(op.f("ix_expectation_study_instance_uid"), "expectation", ["study_instance_uid"])
    op.create_table(
        "awaited_instance",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("sop_instance_uid", ordered(64), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_awaited_instance_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_awaited_instance")),
        sa.UniqueConstraint(
            "site",
            "study_instance_uid",
            "sop_instance_uid",
            name=op.f("uq_awaited_instance_site_study_instance_uid_sop_instance_uid"),
        ),
    )
    op.create_index(
        op.f("ix_awaited_instance_study_instance_uid"), "awaited_instance", ["study_instance_uid"]
    )
    op.create_table(
        "study_sender",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("ae_title", sa.Text(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=False),
        sa.Column("broken_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_study_sender_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_sender")),
        sa.UniqueConstraint(
            "site",
            "study_instance_uid",
            "ae_title",
            name=op.f("uq_study_sender_site_study_instance_uid_ae_title"),
        ),
    )
    op.create_index(op.f("ix_study_sender_study_instance_uid"), "study_sender", ["study_instance_uid"])
    op.create_index(op.f("ix_study_sender_site_ended_at"), "study_sender", ["site", "ended_at"])
    op.create_table(
        "question",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("ae_title", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("ask_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_question_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
        sa.UniqueConstraint(
            "site",
            "study_instance_uid",
            "ae_title",
            name=op.f("uq_question_site_study_instance_uid_ae_title"),
        ),
    )
    op.create_index(op.f("ix_question_ask_at"), "question", ["ask_at"])
    op.create_table(
        "link",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("ae_title", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("first_seen_at", Instant(), nullable=False),
        sa.Column("last_seen_at", Instant(), nullable=False),
        sa.Column("last_image_at", Instant(), nullable=True),
        sa.Column("last_trouble", sa.Text(), nullable=False),
        sa.Column("last_trouble_at", Instant(), nullable=True),
        sa.Column("usual", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_link_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("site", "ae_title", "host", name=op.f("uq_link_site_ae_title_host")),
    )
    op.create_table(
        "link_hour",
        sa.Column("link", Id, nullable=False),
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("associations", sa.Integer(), nullable=False),
        sa.Column("stored", sa.Integer(), nullable=False),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("held_aside", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["link.id"], name=op.f("fk_link_hour_link")),
        sa.PrimaryKeyConstraint("link", "hour", name=op.f("pk_link_hour")),
    )
    op.create_index(op.f("ix_link_hour_hour"), "link_hour", ["hour"])
    op.create_table(
        "link_trouble",
        sa.Column("link", Id, nullable=False),
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["link"], ["link.id"], name=op.f("fk_link_trouble_link")),
        sa.PrimaryKeyConstraint("link", "hour", "reason", name=op.f("pk_link_trouble")),
    )
    op.create_index(op.f("ix_link_trouble_hour"), "link_trouble", ["hour"])
    op.create_table(
        "open_association",
        sa.Column("id", Id, nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("ae_title", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("sending", sa.Boolean(), nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_open_association_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_association")),
    )
    op.create_index(op.f("ix_open_association_process"), "open_association", ["process"])
    op.create_index(
        op.f("ix_open_association_study_instance_uid"), "open_association", ["study_instance_uid"]
    )
    op.create_table(
        "commitment",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("number_asked", sa.Integer(), nullable=False),
        sa.Column("number_not_held", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", Instant(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("requested_at", Instant(), nullable=False),
        sa.Column("reported_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_commitment_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment")),
        sa.UniqueConstraint(
            "site",
            "ae_title",
            "transaction_uid",
            name=op.f("uq_commitment_site_ae_title_transaction_uid"),
        ),
    )
    op.create_index(
        op.f("ix_commitment_state_next_attempt_at"), "commitment", ["state", "next_attempt_at"], unique=False
    )
    op.create_index(
        op.f("ix_commitment_site_requested_at"), "commitment", ["site", "requested_at"], unique=False
    )
    op.create_table(
        "invitation",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user", Id, nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user_account.id"], name=op.f("fk_invitation_user")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invitation")),
    )
    op.create_table(
        "membership",
        sa.Column("user", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_membership_site")),
        sa.ForeignKeyConstraint(["user"], ["user_account.id"], name=op.f("fk_membership_user")),
        sa.PrimaryKeyConstraint("user", "site", "role", name=op.f("pk_membership")),
    )
    op.create_table(
        "wrong_password",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_wrong_password")),
    )
    op.create_table(
        "node",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("receives", sa.JSON(), nullable=False),
        sa.Column("charset", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("may", sa.JSON(), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=False),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("queryable", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_node_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_node")),
        sa.UniqueConstraint("ae_title", "host", name=op.f("uq_node_ae_title_host")),
    )
    op.create_table(
        "patient",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("patient_id", ordered(64), nullable=False),
        sa.Column("patient_name", sa.Text(), nullable=False),
        sa.Column("name_search", sa.Text(), nullable=False),
        sa.Column("charset_suspect", sa.Boolean(), nullable=False),
        sa.Column("patient_birth_date", sa.String(length=8), nullable=False),
        sa.Column("patient_sex", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_patient_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint(
            "site",
            "issuer",
            "patient_id",
            "patient_name",
            "patient_birth_date",
            "patient_sex",
            name=op.f("uq_patient_as_described"),
        ),
    )
    op.create_table(
        "patient_word",
        sa.Column("word", ordered(64), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("patient", Id, nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"], name=op.f("fk_patient_word_patient")),
        sa.PrimaryKeyConstraint("word", "site", "patient", name=op.f("pk_patient_word")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_patient_patient_id"), "patient", ["patient_id"], unique=False)
    op.create_table(
        "session",
        sa.Column("id", Id, nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["user_account.id"], name=op.f("fk_session_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_session_token_hash")),
    )
    op.create_table(
        "study",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("patient", Id, nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("study_date", ordered(8), nullable=False),
        sa.Column("study_time", ordered(16), nullable=False),
        sa.Column("accession_number", ordered(64), nullable=False),
        sa.Column("study_id", sa.String(length=64), nullable=False),
        sa.Column("study_description", sa.Text(), nullable=False),
        sa.Column("referring_physician_name", sa.Text(), nullable=False),
        sa.Column("modalities_in_study", sa.Text(), nullable=False),
        sa.Column("number_of_study_related_series", sa.Integer(), nullable=False),
        sa.Column("number_of_study_related_instances", sa.Integer(), nullable=False),
        sa.Column("received_series", sa.Integer(), nullable=False),
        sa.Column("received_instances", sa.Integer(), nullable=False),
        sa.Column("received_modalities", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("noted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("first_received_at", Instant(), nullable=False),
        sa.Column("last_received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"], name=op.f("fk_study_patient")),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_study_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
        sa.UniqueConstraint("site", "study_instance_uid", name=op.f("uq_study_site_study_instance_uid")),
    )
    op.create_index(op.f("ix_study_accession_number"), "study", ["accession_number"], unique=False)
    op.create_index(op.f("ix_study_last_received_at"), "study", ["last_received_at"], unique=False)
    op.create_index(
        op.f("ix_study_patient_study_date_study_time_id_site_rejected"),
        "study",
        ["patient", "study_date", "study_time", "id", "site", "rejected"],
        unique=False,
    )
    op.create_index(
        op.f("ix_study_site_study_date_study_time_id_patient_rejected"),
        "study",
        ["site", "study_date", "study_time", "id", "patient", "rejected"],
        unique=False,
    )
    op.create_index(
        op.f("ix_study_study_date_study_time_id_patient_site_rejected"),
        "study",
        ["study_date", "study_time", "id", "patient", "site", "rejected"],
        unique=False,
    )
    op.create_index(op.f("ix_study_study_instance_uid"), "study", ["study_instance_uid"], unique=False)
    op.create_table(
        "arrival",
        sa.Column("study", Id, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("stable_epoch", sa.Integer(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("waits_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["study"], ["study.id"], name=op.f("fk_arrival_study")),
        sa.PrimaryKeyConstraint("study", name=op.f("pk_arrival")),
    )
    op.create_index(op.f("ix_arrival_last_at"), "arrival", ["last_at"], unique=False)
    op.create_index(op.f("ix_arrival_waits_until"), "arrival", ["waits_until"])
    op.create_table(
        "change",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("study", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("instance_count", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["study.id"], name=op.f("fk_change_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "request",
        sa.Column("id", Id, nullable=False),
        sa.Column("study", Id, nullable=False),
        sa.Column("opened_for", sa.String(length=64), nullable=True),
        sa.Column("owner_site", sa.String(length=16), nullable=False),
        sa.Column("reader_site", sa.String(length=16), nullable=False),
        sa.Column("read_site", sa.String(length=16), nullable=False),
        sa.Column("review_site", sa.String(length=16), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("priority", sa.String(length=16), nullable=False),
        sa.Column("sign_policy", sa.String(length=16), nullable=False),
        sa.Column("rework", sa.Boolean(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("author", Id, nullable=True),
        sa.Column("reviewer", Id, nullable=True),
        sa.Column("assigned_to", Id, nullable=True),
        sa.Column("assigned_until", Instant(), nullable=True),
        sa.Column("holder", Id, nullable=True),
        sa.Column("claim_token", sa.String(length=64), nullable=True),
        sa.Column("claimed_at", Instant(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("evidence_epoch", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("clinical", sa.JSON(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("time_left_s", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["assigned_to"], ["user_account.id"], name=op.f("fk_request_assigned_to")),
        sa.ForeignKeyConstraint(["author"], ["user_account.id"], name=op.f("fk_request_author")),
        sa.ForeignKeyConstraint(["holder"], ["user_account.id"], name=op.f("fk_request_holder")),
        sa.ForeignKeyConstraint(["owner_site"], ["site.code"], name=op.f("fk_request_owner_site")),
        sa.ForeignKeyConstraint(["read_site"], ["site.code"], name=op.f("fk_request_read_site")),
        sa.ForeignKeyConstraint(["reader_site"], ["site.code"], name=op.f("fk_request_reader_site")),
        sa.ForeignKeyConstraint(["review_site"], ["site.code"], name=op.f("fk_request_review_site")),
        sa.ForeignKeyConstraint(["reviewer"], ["user_account.id"], name=op.f("fk_request_reviewer")),
        sa.ForeignKeyConstraint(["study"], ["study.id"], name=op.f("fk_request_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sa.UniqueConstraint("opened_for", name=op.f("uq_request_opened_for")),
    )
    op.create_index(op.f("ix_request_lease_until"), "request", ["lease_until"], unique=False)
    op.create_index(
        op.f("ix_request_owner_site_updated_at"), "request", ["owner_site", "updated_at"], unique=False
    )
    op.create_index(op.f("ix_request_state_due_at"), "request", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_request_study"), "request", ["study"], unique=False)
    is_open = sa.text("state NOT IN ('REPORTED', 'CANCELLED')")
    op.create_index(
        "uq_request_open",
        "request",
        ["study"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "series",
        sa.Column("id", Id, nullable=False),
        sa.Column("study", Id, nullable=False),
        sa.Column("series_instance_uid", ordered(64), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("series_number", sa.Integer(), nullable=True),
        sa.Column("series_description", sa.Text(), nullable=False),
        sa.Column("body_part_examined", sa.String(length=64), nullable=False),
        sa.Column("number_of_series_related_instances", sa.Integer(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["study"], ["study.id"], name=op.f("fk_series_study")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint("study", "series_instance_uid", name=op.f("uq_series_study_series_instance_uid")),
    )
    op.create_index(op.f("ix_series_modality_study"), "series", ["modality", "study"], unique=False)
    op.create_index(op.f("ix_series_series_instance_uid"), "series", ["series_instance_uid"], unique=False)
    op.create_table(
        "draft",
        sa.Column("request", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("saved_by", Id, nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_draft_request")),
        sa.ForeignKeyConstraint(["saved_by"], ["user_account.id"], name=op.f("fk_draft_saved_by")),
        sa.PrimaryKeyConstraint("request", name=op.f("pk_draft")),
    )
    op.create_table(
        "draft_snapshot",
        sa.Column("id", Id, nullable=False),
        sa.Column("request", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("saved_by", Id, nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_draft_snapshot_request")),
        sa.ForeignKeyConstraint(["saved_by"], ["user_account.id"], name=op.f("fk_draft_snapshot_saved_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_snapshot")),
        sa.UniqueConstraint("request", "version", name=op.f("uq_draft_snapshot_request_version")),
    )
    op.create_table(
        "rejection",
        sa.Column("id", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", ordered(64), nullable=False),
        sa.Column("sop_instance_uid", ordered(64), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("instances", sa.JSON(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("undone_at", Instant(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_rejection_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejection")),
        sa.UniqueConstraint("site", "sop_instance_uid", name=op.f("uq_rejection_site_sop_instance_uid")),
    )
    op.create_index(
        op.f("ix_rejection_site_study_instance_uid"),
        "rejection",
        ["site", "study_instance_uid"],
        unique=False,
    )
    op.create_table(
        "instance",
        sa.Column("id", Id, nullable=False),
        sa.Column("series", Id, nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("sop_instance_uid", ordered(64), nullable=False),
        sa.Column("sop_class_uid", ordered(64), nullable=False),
        sa.Column("transfer_syntax_uid", ordered(64), nullable=False),
        sa.Column("instance_number", sa.Integer(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("number_of_frames", sa.Integer(), nullable=False),
        sa.Column("blob_key", sa.Text(), nullable=False),
        sa.Column("blob_offset", sa.BigInteger(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("dataset_offset", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=True),
        sa.Column("header", sa.LargeBinary(), nullable=True),
        sa.Column("header_length", sa.Integer(), nullable=False),
        sa.Column("charset", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("rejection", Id, nullable=True),
        sa.ForeignKeyConstraint(["rejection"], ["rejection.id"], name=op.f("fk_instance_rejection")),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_instance_series")),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_instance_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance")),
        sa.UniqueConstraint("site", "sop_instance_uid", name=op.f("uq_instance_site_sop_instance_uid")),
    )
    op.create_index(
        op.f("ix_instance_series_instance_number"), "instance", ["series", "instance_number"], unique=False
    )
    op.create_index(op.f("ix_instance_sop_instance_uid"), "instance", ["sop_instance_uid"], unique=False)
    op.create_index(op.f("ix_instance_rejection"), "instance", ["rejection"], unique=False)
    op.create_index(op.f("ix_instance_blob_key"), "instance", ["blob_key"], unique=False)
    op.create_table(
        "series_metadata",
        sa.Column("series", Id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("last_instance", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["series"], ["series.id"], name=op.f("fk_series_metadata_series"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series", "number", name=op.f("pk_series_metadata")),
    )
    op.create_table(
        "report",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("request", Id, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_report_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        sa.UniqueConstraint("request", name=op.f("uq_report_request")),
    )
    op.create_table(
        "request_event",
        sa.Column("id", Id, autoincrement=True, nullable=False),
        sa.Column("request", Id, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("command", sa.String(length=32), nullable=False),
        sa.Column("from_state", sa.String(length=20), nullable=False),
        sa.Column("to_state", sa.String(length=20), nullable=False),
        sa.Column("actor", Id, nullable=True),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("reason_code", sa.String(length=16), nullable=False),
        sa.Column("reason_text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["actor"], ["user_account.id"], name=op.f("fk_request_event_actor")),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_request_event_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_request_event_request"), "request_event", ["request"], unique=False)
    op.create_table(
        "report_version",
        sa.Column("id", Id, nullable=False),
        sa.Column("report", sa.String(length=36), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("author", Id, nullable=False),
        sa.Column("signer", Id, nullable=False),
        sa.Column("licence_no", sa.Text(), nullable=False),
        sa.Column("signed_at", Instant(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("evidence_hash", sa.String(length=64), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["author"], ["user_account.id"], name=op.f("fk_report_version_author")),
        sa.ForeignKeyConstraint(["report"], ["report.id"], name=op.f("fk_report_version_report")),
        sa.ForeignKeyConstraint(["signer"], ["user_account.id"], name=op.f("fk_report_version_signer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_version")),
        sa.UniqueConstraint("report", "n", name=op.f("uq_report_version_report_n")),
    )
    op.create_table(
        "document",
        sa.Column("id", Id, nullable=False),
        sa.Column("report_version", Id, nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("sop_instance_uid", ordered(64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_version"], ["report_version.id"], name=op.f("fk_document_report_version")
        ),
        sa.ForeignKeyConstraint(["site"], ["site.code"], name=op.f("fk_document_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("report_version", "format", name=op.f("uq_document_report_version_format")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", Id, nullable=False),
        sa.Column("document", Id, nullable=False),
        sa.Column("request", Id, nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", Instant(), nullable=False),
        sa.Column("delivered_at", Instant(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["document.id"], name=op.f("fk_delivery_document")),
        sa.ForeignKeyConstraint(["request"], ["request.id"], name=op.f("fk_delivery_request")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("document", "ae_title", "host", name=op.f("uq_delivery_document_ae_title_host")),
    )
    op.create_index(op.f("ix_delivery_request"), "delivery", ["request"], unique=False)
    op.create_index(
        op.f("ix_delivery_state_next_attempt_at"), "delivery", ["state", "next_attempt_at"], unique=False
    )
