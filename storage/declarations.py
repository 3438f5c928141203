"""What was declared of each site, kept beside its images, so that the blobs alone tell how to read them.

Without its nodes' character sets and issuers an image is bytes of an unknown hospital in an unknown script. A
declaration is a small blob below ``sites/`` (no site's code is in small letters); the latest by name counts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

from storage.archive import Archive
from storage.blobs import BlobStore
from storage.sites import Node, Site, all_nodes, all_sites

FOLDER = "sites/"
_KNOWN = {Site: {field.name for field in fields(Site)}, Node: {field.name for field in fields(Node)}}


@dataclass(frozen=True)
class Declaration:
    """A site and its nodes, as `farlight network apply` made them."""

    site: Site
    nodes: tuple[Node, ...]

    def to_bytes(self) -> bytes:
        """The same content is the same bytes."""
        content = {"site": asdict(self.site), "nodes": [asdict(node) for node in self.nodes]}
        return json.dumps(content, sort_keys=True, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Declaration:
        """The inverse; what a later version wrote and this one does not know is left out."""
        content = json.loads(data)
        nodes = tuple(Node(**_values(Node, node)) for node in content["nodes"])
        return cls(Site(**_values(Site, content["site"])), nodes)


def keep_declarations(archive: Archive) -> list[str]:
    """Keep the declaration of every site whose kept one says something else; returns their codes."""
    with archive.database.read() as connection:
        sites, nodes = all_sites(connection), all_nodes(connection)
    kept = _latest_keys(archive.blobs)
    changed = []
    for site in sites:
        data = Declaration(site, tuple(node for node in nodes if node.site == site.code)).to_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        if not kept.get(site.code, "").endswith(f"-{sha256}.json"):
            archive.blobs.put(
                f"{FOLDER}{site.code}/{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{sha256}.json", [data]
            )
            changed.append(site.code)
    return changed


def read_declarations(blobs: BlobStore) -> dict[str, Declaration]:
    """The latest declaration of each site, by code."""
    latest = _latest_keys(blobs)
    return {code: Declaration.from_bytes(blobs.read(key)) for code, key in sorted(latest.items())}


def _latest_keys(blobs: BlobStore) -> dict[str, str]:
    latest: dict[str, str] = {}
    for info in blobs.list(FOLDER):
        code = info.key.split("/")[1]
        latest[code] = max(latest.get(code, ""), info.key)
    return latest


def _values(kind: type, declared: Mapping[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in declared.items() if name in _KNOWN[kind]}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
