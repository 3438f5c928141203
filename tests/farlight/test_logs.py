"""A log that cannot be written is no reason to stop working."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WORKS = """
import resource, structlog
from farlight.logs import configure
configure("node")
resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
for number in range(1000):
    structlog.get_logger().info("event", number=number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
structlog.get_logger().info("room again")
"""


def test_a_full_disk_under_the_log_stops_nobody(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        done = subprocess.run([sys.executable, "-c", WORKS], stdout=log, stderr=log, timeout=60, check=False)
    written = (tmp_path / "log").read_text()
    assert done.returncode == 0, written
    assert '"number": 0' in written
    assert '"number": 999' not in written
    assert "room again" in written
