"""Power cuts: SIGKILL to any one process while eight senders send. What was answered Success is there, whole and once.

Failures print the seed; FARLIGHT_TEST_KILL_SEED repeats its draws.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pairs import Pair, Servers
from place import Place
from running import Client, Program
from sending import SENDERS, Batch, Throng, check, make_batch
from sqlalchemy import select
from victims import NODES, OF_SERVERS, OURS, ROLES, Scene, Victim

from storage.sweep import sweep
from storage.tables import instance

ROUNDS = int(os.environ.get("FARLIGHT_TEST_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("FARLIGHT_TEST_KILL_SEED") or random.randrange(1 << 30))
EACH = 4
POSTED = 4
NO_GRACE = timedelta(seconds=-2)
"""Has passed already, also by a store's clock that tells seconds."""
IMAGES = SENDERS * EACH + POSTED

log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Servers that keep what they have acknowledged, whoever of them is killed."""
    both = Servers(tmp_path_factory.mktemp("s3"), durable=True)
    yield both
    both.stop()


@pytest.fixture
def scene(tmp_path: Path, pair: Pair) -> Iterator[Scene]:
    with pair.place(tmp_path / "data") as place:
        # the worker, another victim, packs what has been quiet for a second
        settings = {"FARLIGHT_DICOM_PROCESSES": str(NODES), "FARLIGHT_PACK_AFTER_HOURS": "0.0003"}
        settings["FARLIGHT_WEB_PROCESSES"] = str(ROLES["web"])
        program = Program(tmp_path, place, **settings).prepare().start()
        yield Scene(program, pair if isinstance(pair, Servers) else None, random.Random(SEED))
        program.kill()


def draws(scene: Scene) -> Iterator[tuple[str, Victim]]:
    """Victims by chance, without end; everybody's turn comes before anybody's second."""
    victims = list({**OURS, **(OF_SERVERS if scene.servers else {})}.items())
    while True:
        scene.chance.shuffle(victims)
        yield from victims


def test_a_success_survives_any_moment_of_a_kill(scene: Scene, tmp_path: Path) -> None:
    log.warning("FARLIGHT_TEST_KILL_SEED=%d", SEED)
    batches, drawn, acknowledged_in_all = [], draws(scene), 0
    with signed_in(scene.program) as client:
        for number in range(ROUNDS):
            name, victim = next(drawn)
            batch = make_batch(tmp_path / f"round{number}", EACH, posted=POSTED)
            scene.settled()
            acknowledged, answers = cut(scene, victim, batch, client)
            log.warning("%d: %s: %d taken; %s", number, name, len(acknowledged), dict(answers))
            check(scene.program.place, batch, acknowledged)
            assert victim.harms_storing or {path.name for path in batch.stored} <= acknowledged
            batches.append(batch)
            acknowledged_in_all += len(acknowledged)
        assert 0 < acknowledged_in_all < ROUNDS * IMAGES, "the cuts fell in mid-send"
        scene.settled()
        send_again(scene.program, batches, client)
    assert "all is well" in scene.program.farlight("verify").stdout
    scene.program.stop()
    sweep_up(scene.program.place)


@contextmanager
def signed_in(program: Program) -> Iterator[Client]:
    """Whoever posts; the session outlives the process that gave it."""
    client = Client(program.url)
    try:
        client.sign_in("technician")
        yield client
    finally:
        client.close()


def cut(scene: Scene, victim: Victim, batch: Batch, client: Client) -> tuple[set[str], Counter[str]]:
    """One round; who was answered Success, and what was answered how often."""
    throng = Throng(scene.program, [batch], client)
    throng.until(scene.chance.randrange(IMAGES - SENDERS))
    time.sleep(scene.chance.uniform(0, 0.03))
    victim.kill(scene)
    time.sleep(scene.chance.uniform(0, 1))
    victim.mend(scene)
    acknowledged = throng.end()
    scene.settled()
    return acknowledged, throng.answers()


def send_again(program: Program, batches: list[Batch], client: Client) -> None:
    """Now everything is taken, and is there once."""
    throng = Throng(program, batches, client)
    taken = throng.end(within_s=30 + len(batches) * 30)
    expected = {uid for batch in batches for uid in batch.pixels}
    assert taken == expected, f"{len(expected - taken)} were not taken when sent again: {throng.answers()}"
    for batch in batches:
        check(program.place, batch, set(batch.pixels))


def sweep_up(place: Place) -> None:
    """What the cuts left without a row goes, and nothing else: every blob has a row, and every row its blob."""
    archive = place.open()
    for _ in range(2):  # the first may pack anew what is mostly dead, the second removes what that left
        swept = sweep(archive, grace=NO_GRACE, everything=True)
        log.warning("%d blobs, %d without a row: %s", swept.looked_at, swept.unnamed, dict(swept.fates))
    blobs = {info.key for info in archive.blobs.list() if info.key.endswith((".dcm", ".tar"))}
    with archive.database.read() as connection:
        rows = list(connection.execute(select(instance.c.blob_key)).scalars())
    archive.close()
    assert len(rows) == ROUNDS * IMAGES
    assert blobs == set(rows)
