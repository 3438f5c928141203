"""The first slice over a long thin line, 60 ms there and back, 10 Mbit/s: from the request to the last byte."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

from bench.held_series import hold
from bench.thin_link import thin_link
from bench.web_load import Connection, Target
from bench.web_servers import WebServer

ROUND_TRIP_S = 0.060
BITS_PER_S = 10e6


def measure(server: WebServer, folder: Path, pixels: int, pictures: int) -> str:
    """A sentence: a picture that nobody has seen yet, on a connection that is open."""
    (made := folder / "slices").mkdir()
    held = hold(made, [server], pictures, pixels)
    with thin_link(server.target.port, ROUND_TRIP_S, BITS_PER_S) as port:
        took = [_first_slice(replace(server.target, port=port), one) for one in held.instances]
    seconds = [each[0] for each in took]
    size = statistics.mean(each[1] for each in took) / 1024
    three = " / ".join(
        f"{1e3 * each:.0f}" for each in (min(seconds), statistics.median(seconds), max(seconds))
    )
    return (
        f"First rendered slice over 60 ms, 10 Mbit/s: {three} ms (min / median / max), {size:.0f} KiB each."
    )


def _first_slice(target: Target, address: str) -> tuple[float, int]:
    connection = Connection(target)
    connection.get("/studies?limit=1", "application/dicom+json")
    begun = time.perf_counter()
    answer = connection.get(f"{address}/frames/1/rendered?viewport=512,512", "image/jpeg")
    took = time.perf_counter() - begun
    connection.close()
    return took, answer.received
