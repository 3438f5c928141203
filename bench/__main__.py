"""``python -m bench``: all figures, as a table in Markdown; ``--short`` shows in seconds that it works."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from bench import receive, render
from bench.compare import Row, table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--short", action="store_true", help="few images and rounds")
    short = parser.parse_args().short
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += receive.measure(
            Path(folder), receive.SHORT if short else receive.FULL, rounds=1 if short else 5
        )
        rows += render.measure(Path(folder), frames=5 if short else 100, rounds=1 if short else 5)
    print(table(rows))


main()
