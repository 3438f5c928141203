"""Where bytes lie: a folder on a laptop, an object store at scale."""

from __future__ import annotations

from storage.blobs.folder import FolderBlobs
from storage.blobs.s3_address import S3Keys
from storage.blobs.store import BlobInfo, BlobStore

__all__ = ["BlobInfo", "BlobStore", "FolderBlobs", "S3Keys"]
