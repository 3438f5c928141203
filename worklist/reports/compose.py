"""From a version about to be signed to the document that prints it: all that the paper says, gathered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from sqlalchemy import Connection, select

from storage.archive import Archive
from storage.errors import Invalid
from storage.identity import PersonName
from storage.retrieve import StoredInstance, instances, original_header
from storage.sites import assumed_of, get_site
from storage.tables import instance, patient, series, study
from worklist.people import Person
from worklist.reports.content import Content
from worklist.reports.documents import content as paper
from worklist.requests import Request
from worklist.tables import report_version, user

PictureOf = Callable[[StoredInstance, int, list[float] | None], tuple[bytes, bool] | None]
"""(instance, frame number, window) to (JPEG, lossy or not); None where there is no picture to print."""


@dataclass(frozen=True)
class SignedVersion:
    """A version with all its hashes, before it is written down."""

    request: Request
    signer: Person
    values: dict[str, Any]


@dataclass(frozen=True)
class Composed:
    """The document and the study it goes into."""

    document: paper.ReportDocument
    study_header: Dataset
    site: str
    issuer: str


def compose(archive: Archive, signed: SignedVersion, picture_of: PictureOf) -> Composed:
    """Gather. Raises `Invalid` if a key image is none of the study's images."""
    with archive.database.read() as connection:
        found = signed.request
        study_row = connection.execute(select(study).where(study.c.id == found.study)).one()
        patient_row = connection.execute(select(patient).where(patient.c.id == study_row.patient)).one()
        images = instances(connection, study.c.id == found.study, instance.c.origin == "received")
        charset = assumed_of(connection, study_row.site).charset
        document = _document(connection, signed, study_row, patient_row, images, picture_of)
    header = original_header(archive, images[0], charset)
    return Composed(document, header, study_row.site, patient_row.issuer)


def _document(
    connection: Connection,
    signed: SignedVersion,
    study_row: Any,
    patient_row: Any,
    images: list[StoredInstance],
    picture_of: PictureOf,
) -> paper.ReportDocument:
    values, content = signed.values, signed.values["content"]
    name = PersonName.parse(patient_row.patient_name)
    age = study_row.attributes.get("00101010", {}).get("Value", [""])[0]
    return paper.ReportDocument(
        report_id=values["report"],
        version=values["n"],
        kind=values["kind"],
        requester=_institution(connection, signed.request.owner_site),
        reader=_institution(connection, signed.request.reader_site),
        patient_id=patient_row.patient_id,
        issuer=patient_row.issuer,
        patient_name=paper.PersonName(name.alphabetic, name.ideographic, name.phonetic),
        patient_sex=patient_row.patient_sex,
        patient_birth_date=patient_row.patient_birth_date,
        patient_age=str(age or ""),
        accession_number=study_row.accession_number,
        study_instance_uid=study_row.study_instance_uid,
        study_date=study_row.study_date,
        study_time=study_row.study_time,
        study_description=study_row.study_description,
        modalities=tuple(part for part in study_row.received_modalities.split("\\") if part),
        body_part=_body_part(connection, signed.request.study),
        request_number=str(signed.request.id),
        **{field: content[field] for field in _SECTIONS},
        positivity=content["positivity"] or "",
        author=_author(connection, signed),
        reviewer=_reviewer(signed),
        signed_at=values["signed_at"],
        content_hash=values["content_hash"],
        prev_hash=values["prev_hash"],
        timezone=_timezone(connection, signed.request.reader_site),
        evidence=tuple(
            paper.Evidence(image.series_instance_uid, image.sop_class_uid, image.sop_instance_uid)
            for image in images
        ),
        key_images=tuple(_key_image(item, images, picture_of) for item in content["key_images"]),
    )


_SECTIONS = ("technique", "clinical_info", "comparison", "findings", "impression", "recommendation")


def _institution(connection: Connection, code: str) -> paper.Institution:
    found = get_site(connection, code)
    return paper.Institution(code, found.name, found.name_zh) if found else paper.Institution(code, code, "")


def _timezone(connection: Connection, code: str) -> str:
    found = get_site(connection, code)
    return found.timezone if found else "Asia/Shanghai"


def _body_part(connection: Connection, study_row: int) -> str:
    query = select(series.c.body_part_examined).where(
        series.c.study == study_row, series.c.body_part_examined != ""
    )
    return connection.execute(query.limit(1)).scalar() or ""


def _author(connection: Connection, signed: SignedVersion) -> paper.Signer:
    """Who wrote it, and when the text was handed to review (or signed, by a single doctor)."""
    author = signed.values["author"]
    row = connection.execute(select(user).where(user.c.id == author)).one()
    submitted = connection.execute(
        select(report_version.c.signed_at)
        .where(report_version.c.report == signed.values["report"], report_version.c.signer == author)
        .order_by(report_version.c.n.desc())
        .limit(1)
    ).scalar()
    at = submitted or signed.values["signed_at"]
    return paper.Signer(row.name, row.name_zh, row.licence_no, at)


def _reviewer(signed: SignedVersion) -> paper.Signer | None:
    if signed.values["author"] == signed.signer.id:
        return None
    person = signed.signer
    return paper.Signer(person.name, person.name_zh, person.licence_no, signed.values["signed_at"])


def require_own_images(connection: Connection, found: Request, content: Content) -> None:
    """Every key image is a frame of an image of this study. Raises `Invalid`, naming the one that is not."""
    uids = [item["sop_instance_uid"] for item in content["key_images"]]
    query = (
        select(instance.c.sop_instance_uid, series.c.series_instance_uid, instance.c.number_of_frames)
        .join(series, series.c.id == instance.c.series)
        .where(series.c.study == found.study, instance.c.sop_instance_uid.in_(uids))
    )
    known = {row.sop_instance_uid: row for row in connection.execute(query)}
    for index, item in enumerate(content["key_images"]):
        row = known.get(item["sop_instance_uid"])
        if row is None or row.series_instance_uid != item["series_instance_uid"]:
            raise Invalid(
                f"key image {index + 1} is none of this study's images", field=f"key_images[{index}]"
            )
        if item["frame_number"] > row.number_of_frames:
            raise Invalid(
                f"key image {index + 1}: its image has {row.number_of_frames} frames",
                field=f"key_images[{index}]",
            )


def _key_image(item: dict[str, Any], images: list[StoredInstance], picture_of: PictureOf) -> paper.KeyImage:
    uid = item["sop_instance_uid"]
    found = next(image for image in images if image.sop_instance_uid == uid)
    picture = picture_of(found, item["frame_number"], item["window"])
    return paper.KeyImage(
        series_instance_uid=found.series_instance_uid,
        sop_class_uid=found.sop_class_uid,
        sop_instance_uid=uid,
        frame_number=item["frame_number"] if found.number_of_frames > 1 else None,
        caption=item["caption"],
        picture=picture[0] if picture else None,
        lossy=picture[1] if picture else False,
    )
