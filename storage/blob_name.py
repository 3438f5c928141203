"""What a blob's key says of it: whose it is, where it came from, and when.

    {site}/{origin}/{YYYY-MM-DD}/{HHMMSSffffff}-{sender}-{sha256}[~{again}].dcm

Keys and blobs together hold all that the index holds, so that it can be made again from them, in the order of arrival:
keys of one site and origin sort by time. The time is UTC; the sender is percent-encoded. `again` tells apart a blob
that was put back from the one that was lost (`storage.put_back`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self
from urllib.parse import quote, unquote

from storage.errors import Invalid

Origin = Literal["received", "report"]
"""`report` marks our own documents, which are no news to read."""

MAX_SENDER, MAX_ENCODED_SENDER = 64, 128
"""Characters; with them sender and key fit their columns in the index, and the key's last part into a file name."""

_KEY = re.compile(
    r"(?P<site>[^/]+)/(?P<origin>received|report)/(?P<day>\d{4}-\d\d-\d\d)/(?P<time>\d{12})"
    r"-(?P<sender>[^/]*)-(?P<sha256>[0-9a-f]{64})(?:~(?P<again>[0-9a-f]{8}))?\.dcm"
)


@dataclass(frozen=True)
class BlobName:
    """One instance's blob. `received_at` is aware; `sha256` is that of the whole blob, in hexadecimal digits."""

    site: str
    origin: Origin
    received_at: datetime
    sender: str
    sha256: str
    again: str = ""

    @classmethod
    def of(cls, site: str, origin: Origin, received_at: datetime, sender: str, sha256: str) -> Self:
        """A name whose key is short enough: of a sender that is too long its beginning is kept."""
        sender = sender[:MAX_SENDER]
        while len(quote(sender, safe="")) > MAX_ENCODED_SENDER:
            sender = sender[:-1]
        return cls(site, origin, received_at.astimezone(UTC), sender, sha256)

    @classmethod
    def parse(cls, key: str) -> Self:
        """The inverse of `key`. Raises `Invalid` for a key that is no instance's."""
        found = _KEY.fullmatch(key)
        if found is None:
            raise Invalid("this blob key is not that of an instance")
        origin: Origin = "report" if found["origin"] == "report" else "received"
        try:
            at = datetime.strptime(f"{found['day']} {found['time']}", "%Y-%m-%d %H%M%S%f").replace(tzinfo=UTC)
        except ValueError as why:
            raise Invalid("this blob key names no moment") from why
        return cls(found["site"], origin, at, unquote(found["sender"]), found["sha256"], found["again"] or "")

    @property
    def key(self) -> str:
        """The blob's key."""
        at, sender = self.received_at.astimezone(UTC), quote(self.sender, safe="")
        again = f"~{self.again}" if self.again else ""
        return f"{self.site}/{self.origin}/{at:%Y-%m-%d}/{at:%H%M%S%f}-{sender}-{self.sha256}{again}.dcm"
