"""Trying an S3 store out before it is relied on. What the client raises is the caller's to translate."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from uuid import uuid4

from minio import Minio
from minio.error import S3Error
from minio.sse import Sse

from storage.blobs.s3_address import S3Address
from storage.blobs.s3_errors import MAY_NOT_MAKE_BUCKET, unavailable

RESERVED = ".farlight/"
"""Names below the prefix that are no blobs."""


def make_bucket_if_none(client: Minio, address: S3Address) -> bool:
    """Whether it was made. Listing is asked for because a HEAD does not say what is wrong with the keys."""
    try:
        next(client.list_objects(address.bucket, address.prefix + RESERVED), None)
    except S3Error as why:
        if why.code != "NoSuchBucket":
            raise
    else:
        return False
    try:
        client.make_bucket(address.bucket)
    except S3Error as why:
        if why.code == "AccessDenied":
            raise unavailable(address, MAY_NOT_MAKE_BUCKET) from why
        if why.code != "BucketAlreadyOwnedByYou":  # another process was faster
            raise
    return True


def try_out(client: Minio, address: S3Address, encryption: Sse | None) -> None:
    """Put a small blob, read it back, delete it. Raises `Unavailable` if it is not kept as it was meant to be."""
    name = f"{address.prefix}{RESERVED}check-{uuid4().hex}"
    said = name.encode()
    answer = client.put_object(address.bucket, name, BytesIO(said), len(said), sse=encryption)
    with closing(client.get_object(address.bucket, name)) as response:
        heard = response.read()
    client.remove_object(address.bucket, name)
    if heard != said:
        raise unavailable(address, "gives back other bytes than it was given")
    if encryption and "x-amz-server-side-encryption" not in answer.http_headers:
        raise unavailable(address, "does not encrypt as sse= in FARLIGHT_BLOBS_URL demands")
