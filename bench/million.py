"""``python -m bench.million``: receiving into an index of a million studies, and into an empty one, in turn.

With ``--database URL --empty URL`` on two databases of any kind, both made and one seeded before (`bench.seed_index`);
without, on SQLite files that are made for it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.compare import Row, Sample, in_turn, table, timed
from bench.seed_index import seed
from bench.series import scratch, send, write_series
from bench.servers import Server, farlight
from storage.database import Database


def measure(folder: Path, urls: tuple[str, str], images: int, rounds: int, name: str) -> Row:
    """`urls` are those of the seeded and of the empty database."""
    seeded, empty = urls
    with (
        farlight(folder / "seeded", DATABASE_URL=seeded) as full,
        farlight(folder / "empty", DATABASE_URL=empty) as new,
        scratch() as made,
    ):
        series = [write_series(made / str(number), images, 512, 1) for number in range(rounds + 1)]
        work, other = _work(full, series), _work(new, series)
        return in_turn(name, images, "images/s", rounds, work, {"Farlight, empty index": other})


def _work(server: Server, series: list[list[Path]]) -> Callable[[int], Sample]:
    return lambda number: timed(lambda: send(server, series[number]), server.cpu_s)


def on_sqlite(folder: Path, studies: int, images: int, rounds: int) -> Row:
    """Seed a file, then measure."""
    urls = f"sqlite:///{folder / 'seeded.db'}", f"sqlite:///{folder / 'empty.db'}"
    database = Database(urls[0])
    seed(database, studies)
    database.close()
    name = f"receive {images} CT, {studies:,} studies in the index, SQLite"
    return measure(folder, urls, images, rounds, name)


def main() -> None:
    """See the module's head."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--database", help="URL of a seeded database")
    parser.add_argument("--empty", help="URL of an empty one of the same kind")
    parser.add_argument("--studies", type=int, default=1_000_000, help="to seed, where no URL is given")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.database:
            name = f"receive {given.images} CT, seeded index"
            urls = (given.database, given.empty)
            print(table([measure(Path(folder), urls, given.images, given.rounds, name)]))
        else:
            print(table([on_sqlite(Path(folder), given.studies, given.images, given.rounds)]))


if __name__ == "__main__":
    main()
