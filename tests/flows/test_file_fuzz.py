"""Broken data sets over C-STORE: each gets its status, what was taken goes out again bit for bit, nothing crashes.

FARLIGHT_TEST_FUZZ_SEED and FARLIGHT_TEST_FUZZ_ROUNDS say which and how many; `make soak` takes 2,000 and a new seed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import uvicorn
from file_fuzz import Fuzz
from file_mutations import broken, rounds
from file_regressions import REGRESSIONS
from logged import captured, our_faults
from running import Client, wait_for

from dicom_node.node import DicomNode, Limits, NodeConfig
from storage.archive import Archive
from viewer_api.app import create_app

SEED = int(os.environ.get("FARLIGHT_TEST_FUZZ_SEED", "1"))
ROUNDS = int(os.environ.get("FARLIGHT_TEST_FUZZ_ROUNDS", "75"))
MEGABYTES = 700
"""By so much may the process grow, pictures of 16384 x 16384 included."""


@contextmanager
def application(archive: Archive) -> Iterator[Client]:
    """The application on a port of its own, and a technician who is signed in."""
    config = uvicorn.Config(create_app(archive), host="127.0.0.1", port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for("the application", lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client:
        client.sign_in("technician")
        yield client
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def fuzz(archive: Archive) -> Iterator[Fuzz]:
    """After the test: nothing that was logged is a fault of ours."""
    limits = Limits(request_timeout_s=5, idle_timeout_s=120, pdu_timeout_s=10)
    node = DicomNode(NodeConfig(archive, port=0, host="127.0.0.1", limits=limits))
    node.start()
    with captured() as logged, application(archive) as http:
        fuzz = Fuzz(archive, node, http)
        yield fuzz
        fuzz.close()
        node.stop(timeout_s=3)
    faults = our_faults(logged)
    assert not faults, "\n".join(faults[:5])
    assert list(archive.incoming.iterdir()) == [], "something half-received was left behind"


def megabytes(name: str) -> float:
    """Of this process: VmRSS is what it has, VmHWM the most it ever had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def test_broken_files(fuzz: Fuzz) -> None:
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    for number, sample in rounds(SEED, ROUNDS):
        fuzz.try_one(f"seed {SEED}-{number}", sample)
    fuzz.look_at_all()
    found, grown = fuzz.found, megabytes("VmHWM") - before
    sys.stdout.write(
        f"seed {SEED}, {ROUNDS} files: {dict(found.statuses)}, {len(found.kept)} kept, HTTP {dict(found.answers)}, "
        f"slowest {found.slowest_s:.2f} s, {grown:.0f} MiB more\n"
    )
    assert not found.faults, "\n".join(found.faults)
    assert grown < MEGABYTES
    assert found.statuses["0000"] > ROUNDS / 5, "most were broken beyond what the test is for"
    assert len(found.statuses) > 1, "nothing was broken"


@pytest.mark.parametrize("name", REGRESSIONS)
def test_what_was_wrong_once(fuzz: Fuzz, name: str) -> None:
    sample, status = REGRESSIONS[name]()
    fuzz.try_one(name, sample)
    fuzz.look_at_all()
    assert not fuzz.found.faults, fuzz.found.faults
    assert list(fuzz.found.statuses) == [f"{status:04X}"]


def test_a_seed_is_one_file() -> None:
    assert broken(Random("7-7")) == broken(Random("7-7"))
    assert broken(Random("7-7")) != broken(Random("7-8"))
