"""What the program logs while a test runs, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.processors import format_exc_info
from structlog.testing import LogCapture
from structlog.typing import EventDict


@contextmanager
def captured() -> Iterator[list[EventDict]]:
    """Every line, of all threads, with its traceback under ``exception``."""
    capture, before = LogCapture(), structlog.get_config()["processors"]
    structlog.configure(processors=[format_exc_info, capture])
    try:
        yield capture.entries
    finally:
        structlog.configure(processors=before)


def our_faults(lines: list[EventDict]) -> list[str]:
    """Errors: what is not the doing of whoever called."""
    return [str(line.get("exception", line)) for line in lines if line["log_level"] in ("error", "critical")]
