"""A disk that can be filled under a running program: a small tmpfs where we may mount one, else a limit upon files."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from running import tool

from storage.disk import RESERVE

_ROOM = 64 << 20
"""What the program may use of a new disk until it keeps the rest back."""
_SMALL = 4096
"""No file may grow beyond this where every file's size is limited: less than any image."""


class Tmpfs:
    """A file system of its own; a file that nobody needs takes all the room."""

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """From now on no byte can be written."""
        with self._ballast.open("wb") as file:
            while (status := os.statvfs(self._ballast)).f_bfree:
                size = os.fstat(file.fileno()).st_size
                with suppress(OSError):  # somebody took some of it meanwhile
                    os.posix_fallocate(file.fileno(), size, status.f_bfree * status.f_frsize)

    def free(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)


class Limit:
    """Running processes may not make files larger (EFBIG); needs no rights, and is gone when it is lifted."""

    def __init__(self, processes: Callable[[], list[int]]) -> None:
        self._processes = processes

    def fill(self) -> None:
        """From now on no image can be written."""
        self._set(_SMALL)

    def free(self) -> None:
        """There is room again."""
        self._set(resource.RLIM_INFINITY)

    def _set(self, limit: int) -> None:
        for number in self._processes():
            resource.prlimit(number, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


@contextmanager
def mounted(folder: Path) -> Iterator[Tmpfs]:
    """A tmpfs upon the folder while the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount(folder, RESERVE + _ROOM)
    try:
        yield Tmpfs(folder)
    finally:
        subprocess.run([tool("umount"), "--lazy", str(folder)], check=True)


@cache
def may_mount() -> bool:
    """Whether this user may mount: root, unless it is kept from it."""
    with TemporaryDirectory() as folder:
        try:
            with mounted(Path(folder)):
                return True
        except subprocess.CalledProcessError:
            return False


def _mount(folder: Path, size: int) -> None:
    command = [tool("mount"), "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
