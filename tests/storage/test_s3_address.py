"""What a blob store's URL may say, and what it may never show."""

from __future__ import annotations

import pytest

from storage.archive import open_blobs
from storage.blobs import S3Keys
from storage.blobs.s3_address import S3Address, parse_s3_url
from storage.errors import Invalid

KEYS = S3Keys("an-access-key", "a-secret-key")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "s3://images?endpoint=s3.example.org",
            S3Address("images", "", "s3.example.org", True, "us-east-1", ""),
        ),
        (
            "s3://images/far/light/?endpoint=https://s3.example.org:9000&region=cn-1",
            S3Address("images", "far/light/", "s3.example.org:9000", True, "cn-1", ""),
        ),
        (
            "s3://images?endpoint=http%3A%2F%2F127.0.0.1%3A9000&sse=AES256",
            S3Address("images", "", "127.0.0.1:9000", False, "us-east-1", "AES256"),
        ),
        (
            "s3://images?endpoint=http://[::1]:9000/&sse=KMS:a-key",
            S3Address("images", "", "[::1]:9000", False, "us-east-1", "KMS:a-key"),
        ),
    ],
)
def test_a_url_says_where_the_store_is(url: str, address: S3Address) -> None:
    assert parse_s3_url(url) == address


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("s3://images", "endpoint"),
        ("s3://images?endpoint=", "endpoint"),
        ("s3://images?endpoint=ftp://s3.example.org", "endpoint"),
        ("s3://images?endpoint=s3.example.org/bucket", "endpoint"),
        ("s3://images?endpoint=s3.example.org:99999", "no URL"),
        ("s3://images?endpoint=me:secret@s3.example.org", "endpoint"),
        ("s3://images?endpoint=a.org&endpoint=b.org", "twice"),
        ("s3://images?endpoint=a.org&verify=no", "verify"),
        ("s3://images?endpoint=a.org&sse=ROT13", "sse"),
        ("s3://images?endpoint=a.org&sse=KMS:", "sse"),
        ("s3://images?endpoint=a.org&region=", "region"),
        ("s3://?endpoint=a.org", "bucket"),
        ("s3://My_Images?endpoint=a.org", "bucket"),
        ("s3://10.0.0.7?endpoint=a.org", "bucket"),
        ("s3://images?endpoint=a.org#b", "fragment"),
        ("s3://me:secret@images?endpoint=a.org", "FARLIGHT_S3_SECRET_KEY"),
    ],
)
def test_what_is_wrong_with_a_url_is_named(url: str, named: str) -> None:
    with pytest.raises(Invalid, match=named) as caught:
        open_blobs(url, KEYS)
    assert "FARLIGHT_BLOBS_URL" in caught.value.message
    assert "secret@" not in caught.value.message


@pytest.mark.parametrize(
    "keys", [None, S3Keys("", ""), S3Keys("an-access-key", ""), S3Keys("", "a-secret-key")]
)
def test_there_are_no_default_keys(keys: S3Keys | None) -> None:
    with pytest.raises(Invalid, match="FARLIGHT_S3_ACCESS_KEY and FARLIGHT_S3_SECRET_KEY"):
        open_blobs("s3://images?endpoint=s3.example.org", keys)


def test_keys_are_not_shown() -> None:
    assert "key" not in repr(KEYS).removeprefix("S3Keys")


def test_another_kind_of_store_is_refused() -> None:
    with pytest.raises(Invalid, match="'ftp'"):
        open_blobs("ftp://images")
