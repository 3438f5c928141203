"""Taking in files that did not come over a wire: folders, ZIP archives, media with a DICOMDIR."""

from __future__ import annotations

import mmap
import shutil
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import dcmread

from storage.archive import Archive
from storage.errors import Invalid
from storage.ingest import Outcome, Sender, ingest_file
from storage.part10 import inspect_file, is_directory
from storage.structure import Buffer

MAX_MEMBER = 4 << 30
"""Bytes that one member of a ZIP may unfold to."""


@dataclass(frozen=True)
class Item:
    """One file to take in: `name` for messages, and a way to open its bytes."""

    name: str
    open: Callable[[], AbstractContextManager[Buffer]] = field(repr=False)


@dataclass
class Summary:
    """What became of an import: `refused` are DICOM files with their fault, `passed_over` is no DICOM at all."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)
    passed_over: int = 0


def find_items(paths: Iterable[Path], scratch: Path) -> list[Item]:
    """Every file below `paths`, ZIP archives opened, a DICOMDIR followed. Raises `Invalid` for what is not there."""
    items: list[Item] = []
    for path in paths:
        items.extend(_items_of(path, scratch))
    return items


def import_items(
    archive: Archive, items: Iterable[Item], sender: Sender, progress: Callable[[], None] = lambda: None
) -> Summary:
    """Take all items in, one after the other; a broken one never stops the others."""
    summary = Summary()
    for item in items:
        _import_one(archive, item, sender, summary)
        progress()
    return summary


def _import_one(archive: Archive, item: Item, sender: Sender, summary: Summary) -> None:
    try:
        with item.open() as buffer:
            if _looks_like_dicom(buffer):
                summary.outcomes[ingest_file(archive, buffer, sender).outcome] += 1
            else:
                summary.passed_over += 1
    except Invalid as why:
        summary.refused.append((item.name, why.message))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError) as why:
        summary.refused.append(
            (item.name, f"it cannot be read: {why}")
        )  # damaged, encrypted, or on a bad disc


def _looks_like_dicom(buffer: Buffer) -> bool:
    """A DICOMDIR among other files is no instance: the files it lists lie beside it."""
    if not len(buffer) or is_directory(buffer):
        return False
    try:
        inspect_file(buffer)
    except Invalid:
        return bytes(buffer[128:132]) == b"DICM"
    return True


def _items_of(path: Path, scratch: Path) -> list[Item]:
    if path.is_dir():
        files = sorted(child for child in path.rglob("*") if child.is_file())
        return [item for child in files for item in _file_items(child, scratch)]
    if not path.is_file():
        raise Invalid(f"there is no file or folder {path}")
    with _mapped(path) as buffer:
        listed = is_directory(buffer)
    return _listed_items(path) if listed else _file_items(path, scratch)


def _file_items(path: Path, scratch: Path) -> list[Item]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
        return [_member_item(path, member, scratch) for member in members]
    return [Item(str(path), lambda: _mapped(path))]


def _member_item(path: Path, member: zipfile.ZipInfo, scratch: Path) -> Item:
    return Item(f"{path}:{member.filename}", lambda: _unzipped(path, member, scratch))


def _listed_items(directory: Path) -> list[Item]:
    """The files that a DICOMDIR refers to (PS3.3 F.3.2.2, Referenced File ID)."""
    records = dcmread(directory, force=True).get("DirectoryRecordSequence") or []
    items = []
    for record in records:
        parts = record.get("ReferencedFileID")
        if parts:
            names = [parts] if isinstance(parts, str) else list(parts)
            items.append(_listed_item(directory.parent, names))
    return items


def _listed_item(folder: Path, parts: list[str]) -> Item:
    return Item("/".join(parts), lambda: _mapped(_referenced(folder, parts)))


def _referenced(folder: Path, parts: list[str]) -> Path:
    path = folder.joinpath(*parts)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise Invalid(f"the DICOMDIR refers to a file outside its folder: {'/'.join(parts)}")
    if not path.is_file():
        raise Invalid(f"the DICOMDIR lists {'/'.join(parts)}, which is not there")
    return path


@contextmanager
def _mapped(path: Path) -> Iterator[Buffer]:
    if path.stat().st_size == 0:
        yield b""
        return
    with path.open("rb") as file:
        # not closed by hand: an error on its way up may still hold a slice; the last holder's end unmaps it
        yield memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


@contextmanager
def _unzipped(path: Path, member: zipfile.ZipInfo, scratch: Path) -> Iterator[Buffer]:
    if member.file_size > MAX_MEMBER:
        raise Invalid(f"{path}:{member.filename} unfolds to more than {MAX_MEMBER >> 30} GiB")
    with tempfile.NamedTemporaryFile(dir=scratch) as aside:
        with zipfile.ZipFile(path) as archive, archive.open(member) as source:
            shutil.copyfileobj(source, aside, 1 << 20)  # zipfile itself stops at the size that was announced
        aside.flush()
        with _mapped(Path(aside.name)) as buffer:
            yield buffer
