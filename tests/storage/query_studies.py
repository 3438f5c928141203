"""Small made-up studies that came in through the one door, for tests of searching."""

from __future__ import annotations

import io

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from storage.archive import Archive, open_archive
from storage.ingest import Sender, ingest_file
from storage.sites import Site, put_site
from storage.tables import metadata

KASHI, HOTAN = "KASHI", "HOTAN"


def made_archive(folder):
    """An empty archive with two hospitals, in a folder."""
    archive = open_archive(f"sqlite:///{folder}/index.sqlite", f"file://{folder}/blobs", folder)
    metadata.create_all(archive.database.engine)
    with_two_sites(archive.database)
    return archive


def with_two_sites(database):
    """Two hospitals, in a migrated database."""
    with database.write() as connection:
        for code in (KASHI, HOTAN):
            put_site(database, connection, Site(code, code, code, "prefecture", "Asia/Urumqi"))


def made_instance(study: str, series: str = "1", instance: str = "1", **attributes) -> bytes:
    """A CT instance without pixels as a file; UIDs are ``2.25.{study}[.{series}[.{instance}]]``."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.StudyInstanceUID = f"2.25.{study}"
    dataset.SeriesInstanceUID = f"2.25.{study}.{series}"
    dataset.SOPInstanceUID = f"2.25.{study}.{series}.{instance}"
    dataset.Modality = "CT"
    dataset.PatientID = f"P{study}"
    dataset.SeriesNumber, dataset.InstanceNumber = series, instance
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def put(archive: Archive, study: str, series: str = "1", instance: str = "1", *, site=KASHI, **attributes):
    """Ingest one made instance."""
    return ingest_file(archive, made_instance(study, series, instance, **attributes), Sender(site, "TEST"))
