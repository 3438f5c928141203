"""The command line and a hospital's links: a refused device adopted, a study's images counted beforehand."""

from __future__ import annotations

from pathlib import Path

from running import Program

from storage.expectations import expectations_of
from storage.sites import all_refusals, find_node, record_refusal
from storage.tables import audit


def test_a_refused_device_is_adopted(tmp_path: Path) -> None:
    program = Program(tmp_path).prepare()
    archive = program.place.open()
    with archive.database.write() as connection:
        record_refusal(
            archive.database, connection, "NEW_CT", "FARLIGHT", "10.9.9.9", "calling AE title not recognized"
        )
    adopt = ("network", "adopt", "NEW_CT", "10.9.9.9", "--site")
    failed = program.farlight(*adopt, "NOWHERE", check=False)
    assert (failed.returncode, "there is no site NOWHERE" in failed.stderr) == (1, True)
    assert "NEW_CT" in program.farlight(*adopt, "KASHI", "--charset", "GB18030").stdout
    again = program.farlight(*adopt, "AKSU", check=False)
    assert (again.returncode, "is a node of KASHI already" in again.stderr) == (1, True)
    with archive.database.read() as connection:
        node = find_node(connection, "NEW_CT", "10.9.9.9")
        assert node is not None
        assert (node.site, node.charset) == ("KASHI", "GB18030")
        assert all_refusals(connection) == []
        acts = connection.execute(audit.select().where(audit.c.action == "adopt")).all()
    assert [(act.object_id, act.actor.startswith("command line")) for act in acts] == [
        ("NEW_CT@10.9.9.9", True)
    ]
    archive.close()


def test_a_count_is_declared_before_the_study_comes(tmp_path: Path) -> None:
    program = Program(tmp_path).prepare()
    program.farlight("study", "expect", "KASHI", "1.2.3", "40")
    assert program.farlight("study", "expect", "NOWHERE", "1.2.3", "40", check=False).returncode == 1
    archive = program.place.open()
    with archive.database.read() as connection:
        (said,) = expectations_of(connection, [("KASHI", "1.2.3")])
    assert (said.instances, said.source) == (40, "DECLARED")
    archive.close()
