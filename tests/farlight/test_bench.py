"""The figures' script runs; what it measures is for `make bench`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_the_short_run_prints_every_row() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--short"], cwd=root, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| re")]
    named = ("Orthanc", "DCMTK storescp", "empty index", "no other", "dcmj2pnm")
    assert all(any(name in row for row in rows) for name in named), done.stdout
    assert "pinyin initials" in done.stdout
    asked = (
        "QIDO studies, a month",
        "metadata of 8 slices, first",
        "8 raw frames",
        "4 users, p95",
        "| HTJ2K |",
    )
    assert all(each in done.stdout for each in asked), done.stdout
    assert "First rendered slice over 60 ms" in done.stdout
    assert "| next, coronal |" in done.stdout
    assert "| kept of its speed" in done.stdout
    assert re.search(r"\| answers, of which errors \| \d{3,}, 0 \|", done.stdout), done.stdout
