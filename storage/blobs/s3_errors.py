"""What an S3 store's refusals mean, and what to do about each."""

from __future__ import annotations

from http import HTTPStatus
from ssl import SSLCertVerificationError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
    TimeoutError,  # noqa: A004 - named by its library
)

from storage.blobs.s3_address import S3Address
from storage.errors import Corrupt, Error, NotFound, Unavailable

UPLOAD_GONE = "S3_UPLOAD_GONE"
"""Code of the `Unavailable` that says: there is no such upload in parts."""
OUT_OF_RANGE = "S3_OUT_OF_RANGE"
"""Code of the `Corrupt` that says: the range begins where the blob has ended."""

NO_BUCKET = "has no bucket {bucket}; it is made when Farlight starts, if the keys allow it"
MAY_NOT_MAKE_BUCKET = (
    "has no bucket {bucket}, and these keys may not make it; make it, or correct FARLIGHT_BLOBS_URL"
)
NO_S3_STORE = "answers like something else than an S3 store; check endpoint= in FARLIGHT_BLOBS_URL"
_SAID = {
    "NoSuchBucket": NO_BUCKET,
    "InvalidAccessKeyId": "does not know the access key; check FARLIGHT_S3_ACCESS_KEY, and a key named in sse=",
    "SignatureDoesNotMatch": "says the secret key is wrong; check FARLIGHT_S3_SECRET_KEY",
    "RequestTimeTooSkewed": "says our clocks differ; set this machine's time, and the store's",
    "AccessDenied": "does not let these keys use bucket {bucket}; they must be allowed to list it, "
    "and to put, get and delete objects in it",
    "AuthorizationHeaderMalformed": "expects another region; check region= in FARLIGHT_BLOBS_URL",
    "PermanentRedirect": "has bucket {bucket} elsewhere; check endpoint= and region= in FARLIGHT_BLOBS_URL",
    "Redirect": "has bucket {bucket} elsewhere; check endpoint= and region= in FARLIGHT_BLOBS_URL",
    "InvalidLocationConstraint": "has no region of this name; check region= in FARLIGHT_BLOBS_URL",
    "IllegalLocationConstraintException": "has no region of this name; check region= in FARLIGHT_BLOBS_URL",
    "BucketAlreadyExists": "has bucket {bucket}, and it is somebody else's; name another in FARLIGHT_BLOBS_URL",
    "QuotaExceeded": "is full: a quota is used up; make room or raise it",
    "InsufficientStorage": "is full; make room",
    "XMinioStorageFull": "is full; make room",
    "SlowDown": "is overloaded; it is tried again when it has recovered",
}


def translated(why: MinioException | HTTPError, address: S3Address) -> Error:
    """The error of ours that says the same, without a key and without the store's own words."""
    code = why.code if isinstance(why, S3Error) else None
    if code == "NoSuchKey":
        return NotFound("no such blob")
    if code == "InvalidRange":
        return Corrupt("a range begins where its blob has ended", code=OUT_OF_RANGE)
    return unavailable(address, _said(why), UPLOAD_GONE if code == "NoSuchUpload" else None)


def unavailable(address: S3Address, what: str, code: str | None = None) -> Unavailable:
    """`what` is the rest of a sentence that begins with the store; it may name the ``{bucket}``."""
    return Unavailable(
        f"the S3 store at {address.endpoint} {what.replace('{bucket}', repr(address.bucket))}", code=code
    )


def _said(why: MinioException | HTTPError) -> str:
    if isinstance(why, S3Error):
        return _SAID.get(why.code or "") or f"refused: {why.code}"
    if isinstance(why, ServerError):
        if why.status_code == HTTPStatus.INSUFFICIENT_STORAGE:
            return _SAID["InsufficientStorage"]
        return f"failed with status {why.status_code}; look at its log"
    if isinstance(why, InvalidResponseError):
        return NO_S3_STORE
    return _unreached(why)


def _unreached(why: Exception) -> str:
    if isinstance(why, SSLError):
        if any(isinstance(part, SSLCertVerificationError) for part in (*why.args, why.__cause__)):
            return "shows a certificate that is not trusted; name its authority's file in SSL_CERT_FILE"
        return "does not speak TLS there; check endpoint= in FARLIGHT_BLOBS_URL (http:// if it is meant to be plain)"
    if isinstance(why, NameResolutionError):
        return "has a name that leads nowhere; check endpoint= in FARLIGHT_BLOBS_URL and the name service"
    if isinstance(why, NewConnectionError | ConnectTimeoutError):
        return "cannot be reached; check that it runs, and endpoint= in FARLIGHT_BLOBS_URL"
    if isinstance(why, TimeoutError):
        return "does not answer; look whether it hangs or is overloaded"
    return "broke the connection; look whether it was restarted"
