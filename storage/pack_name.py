"""What a pack's key says of it: whose instances it holds, since when, and when it was made.

    {site}/{origin}/{YYYY-MM-DD}/{HHMMSSffffff}-{YYYYMMDDHHMMSSffffff}-{count}-{sha256}.tar

Day and time are those at which the first of its instances came, so that a listing of keys has packs where it would
have their first instances. The second moment is when the pack was made: no attempt to make one uses another's key. The
hash is that of the pack's table, which has the hash of each instance. All times are UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from storage.blob_name import BlobName, Origin
from storage.errors import Invalid

_KEY = re.compile(
    r"(?P<site>[^/]+)/(?P<origin>received|report)/(?P<day>\d{4}-\d\d-\d\d)/(?P<time>\d{12})"
    r"-(?P<made>\d{20})-(?P<count>\d{1,9})-(?P<sha256>[0-9a-f]{64})\.tar"
)


@dataclass(frozen=True)
class PackName:
    """One pack. `first_received_at` and `made_at` are aware; `count` is how many instances it holds."""

    site: str
    origin: Origin
    first_received_at: datetime
    made_at: datetime
    count: int
    sha256: str

    @classmethod
    def parse(cls, key: str) -> Self:
        """The inverse of `key`. Raises `Invalid` for a key that is no pack's."""
        found = _KEY.fullmatch(key)
        if found is None:
            raise Invalid("this blob key is not that of a pack")
        origin: Origin = "report" if found["origin"] == "report" else "received"
        try:
            first = _moment(found["day"].replace("-", "") + found["time"])
            made = _moment(found["made"])
        except ValueError as why:
            raise Invalid("this blob key names no moment") from why
        return cls(found["site"], origin, first, made, int(found["count"]), found["sha256"])

    @property
    def key(self) -> str:
        """The pack's key."""
        first, made = self.first_received_at.astimezone(UTC), self.made_at.astimezone(UTC)
        said = f"{first:%H%M%S%f}-{made:%Y%m%d%H%M%S%f}-{self.count}-{self.sha256}"
        return f"{self.site}/{self.origin}/{first:%Y-%m-%d}/{said}.tar"


def _moment(digits: str) -> datetime:
    return datetime.strptime(digits, "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)


def is_pack(key: str) -> bool:
    """Whether a key is that of a pack."""
    return _KEY.fullmatch(key) is not None


def parse_key(key: str) -> BlobName | PackName:
    """Whatever of instances a key names. Raises `Invalid` for any other key."""
    return PackName.parse(key) if key.endswith(".tar") else BlobName.parse(key)
