"""The demonstration: one command, everything there; Ctrl-C ends it; a second start keeps the data."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Client, Program, wait_for


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path)
    program.environment["FARLIGHT_QUIET_SECONDS"] = "1"
    yield program
    program.kill()


def test_it_sets_everything_up_and_keeps_it(demo: Program) -> None:
    demo.start("demo", within_s=150)
    password = json.loads((demo.folder / "data" / "demo.json").read_text())["password"]
    said = wait_for("the announcement", lambda: "storescu" in demo.log.read_text() and demo.log.read_text())
    for words in (demo.url, password, "li.na", f"127.0.0.1 {demo.dicom_port}", "storescp"):
        assert words in said
    reader = _sign_in(demo, "li.na", password)
    rows = wait_for("all requests", lambda: len(reader.queue()) >= 15 and reader.queue())
    names = {row["patient"]["name"]["ideographic"] for row in rows}
    assert {"买买提·阿不都拉", "王^小东"} <= names
    chest = next(row for row in rows if row["study"]["instance_count"] >= 121)
    assert chest["study"]["modalities"] == ["CT"]
    modalities = {modality for row in rows for modality in row["study"]["modalities"]}
    assert {"CT", "MR", "DX", "US"} <= modalities
    token = reader.ok(chest["id"], "claim")["claim"]["token"]
    reader.save(chest["id"], token, 0, findings="kept over a restart")

    assert demo.process is not None
    children = demo.children()
    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.process.wait(60) == 0
    assert not any(Path(f"/proc/{child}").exists() for child in children), "nothing is left running"
    reader.close()

    demo.start("demo")
    reader = _sign_in(demo, "li.na", password)
    assert len(reader.get("/api/requests").json()["items"]) == len(rows)
    draft = reader.get(f"/api/requests/{chest['id']}/draft").json()
    assert draft["content"]["findings"] == "kept over a restart"


def _sign_in(program: Program, username: str, password: str) -> Client:
    client = Client(program.url)
    program.clients.append(client)
    client.sign_in(username, password)
    return client
