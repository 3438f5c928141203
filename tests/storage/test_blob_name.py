"""A blob's key tells whose it is, where it came from, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.blob_name import BlobName
from storage.errors import Invalid

AT = datetime(2026, 3, 1, 9, 15, 0, 42, UTC)
SHA256 = "0123456789abcdef" * 4
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive


def test_the_form_of_a_key() -> None:
    name = BlobName.of("KASHI", "received", AT, "CT ONE/2", SHA256)
    assert name.key == f"KASHI/received/2026-03-01/091500000042-CT%20ONE%2F2-{SHA256}.dcm"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), MOMENTS)
def test_every_key_is_read_back(sender: str, at: datetime) -> None:
    name = BlobName.of("KASHI", "report", at, sender, SHA256)
    assert BlobName.parse(name.key) == name
    assert sender.startswith(name.sender)
    assert len(name.sender) <= 64
    assert len(name.key) <= 255
    assert len(name.key.rpartition("/")[2].encode()) <= 255


def test_the_time_is_utc() -> None:
    here = AT.astimezone(timezone(timedelta(hours=8)))
    assert (
        BlobName.of("KASHI", "received", here, "A", SHA256).key
        == BlobName.of("KASHI", "received", AT, "A", SHA256).key
    )


def test_keys_sort_by_the_time_of_arrival() -> None:
    times = [AT + timedelta(**{unit: 1}) for unit in ("microseconds", "seconds", "hours", "days")]
    keys = [
        BlobName.of("KASHI", "received", at, sender, SHA256).key
        for at, sender in zip(times, "zyxa", strict=True)
    ]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "KASHI/site.json",
        f"KASHI/instances/01/{SHA256}.dcm",
        f"KASHI/received/2026-03-01/091500000042-A-{SHA256[:-1]}.dcm",
        f"KASHI/received/2026-02-30/091500000042-A-{SHA256}.dcm",
        f"KASHI/received/2026-03-01/251500000042-A-{SHA256}.dcm",
        f"KASHI/received/2026-03-01/091500000042-A-{SHA256}.dcm/more",
        f"a/KASHI/received/2026-03-01/091500000042-A-{SHA256}.dcm",
    ],
)
def test_what_is_no_instance_is_refused(key: str) -> None:
    with pytest.raises(Invalid):
        BlobName.parse(key)
