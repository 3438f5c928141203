"""The command line as an administrator uses it: what it does, what it says, and its exit codes."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from running import Program

from farlight.settings import Settings, load_settings
from storage.errors import Invalid

ROOT = Path(__file__).parents[2]


@pytest.fixture
def prepared(tmp_path: Path) -> Program:
    return Program(tmp_path).prepare()


def test_help_tells_every_command(tmp_path: Path) -> None:
    program = Program(tmp_path)
    text = program.farlight("--help").stdout
    for command in ("demo", "serve", "import", "network", "user", "token", "db"):
        assert command in text
        assert program.farlight(command, "--help").stdout


def test_wrong_usage_is_exit_code_2(tmp_path: Path) -> None:
    assert Program(tmp_path).farlight("import", check=False).returncode == 2
    assert Program(tmp_path).farlight("serve", "--role", "nobody", check=False).returncode == 2


def test_an_old_schema_is_exit_code_1_and_says_what_to_do(tmp_path: Path) -> None:
    program = Program(tmp_path)
    done = program.farlight("serve", check=False)
    assert done.returncode == 1
    assert "farlight db upgrade" in done.stderr
    assert program.farlight("db", "status", check=False).returncode == 1
    program.farlight("db", "upgrade")
    assert program.farlight("db", "status").returncode == 0


def test_applying_a_network_twice_changes_nothing(prepared: Program) -> None:
    assert "nothing to change" in prepared.farlight("network", "apply", "network.toml").stdout
    shown = prepared.farlight("network", "show").stdout
    assert "KASHI_PACS" in shown
    assert "Asia/Urumqi" in shown


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('[[site]]\ncode = "low case"\nname = "x"\nlevel = "county"', "site.1.code"),
        ('[[site]]\ncode = "X"\nname = "x"\nlevel = "village"', "site.1.level"),
        (
            '[[site]]\ncode = "X"\nname = "x"\nlevel = "county"\ntimezone = "Mars/Olympus"',
            "no such time zone",
        ),
        ('[[node]]\nsite = "NOWHERE"\nae_title = "A"\nhost = "*"', "there is no site NOWHERE"),
        ('[[agreement]]\nrequester = "KASHI"\nreader = "SRRSH"\nservices = "READ"', "agreement.1.services"),
        (
            '[[user]]\nusername = "u"\nname = "U"\nroles = [{ site = "KASHI", role = "king" }]',
            "user.1.roles.1.role",
        ),
        ("[[site]\n", "cannot be read"),
        (
            '[[node]]\nsite = "KASHI"\nae_title = "CT1"\nhost = "*"\n'
            '[[node]]\nsite = "SRRSH"\nae_title = "CT1"\nhost = "*"',
            "CT1 at * is declared for KASHI and again for SRRSH",
        ),
        ('[[node]]\nsite = "KASHI"\nae_title = " CT1"\nhost = "*"', "node.1.ae_title"),
    ],
)
def test_a_wrong_network_file_is_named_by_entry_and_field(prepared: Program, entry: str, says: str) -> None:
    (prepared.folder / "wrong.toml").write_text(entry)
    done = prepared.farlight("network", "apply", "wrong.toml", check=False)
    assert done.returncode == 1
    assert says in done.stderr


def test_a_user_is_invited_sets_a_password_and_can_be_shut_out(prepared: Program) -> None:
    added = prepared.farlight(
        "user", "add", "new.doctor", "--name", "New Doctor", "--role", "SRRSH:report_doctor"
    )
    invitation = added.stdout.split("#")[1].strip()
    prepared.start()
    try:
        client = prepared.client("reader")
        body = {"token": invitation, "password": "chosen-by-the-person"}
        assert client.post("/api/invitation", json={**body, "password": "short"}).status_code == 400
        assert client.post("/api/invitation", json=body).status_code == 204
        assert client.post("/api/invitation", json=body).status_code == 404, "an invitation works once"
        client.sign_in("new.doctor", "chosen-by-the-person")
        assert client.get("/api/me").json()["roles"][0]["role"] == "report_doctor"
        token = prepared.farlight("token", "create", "reader", "--name", "a script").stdout.strip()
        headers = {"authorization": f"Bearer {token}"}
        client.cookies.clear()
        assert client.get("/api/me", headers=headers).json()["username"] == "reader"
        assert "a script" in prepared.farlight("token", "list").stdout
        number = next(
            line.split()[1]
            for line in prepared.farlight("token", "list").stdout.splitlines()
            if "a script" in line
        )
        prepared.farlight("token", "revoke", number)
        assert client.get("/api/me", headers=headers).status_code == 401
        client.sign_in("new.doctor", "chosen-by-the-person")
        prepared.farlight("user", "disable", "new.doctor")
        assert client.get("/api/me").status_code == 401
        assert "new.doctor" in prepared.farlight("user", "list").stdout
    finally:
        prepared.stop()


def test_import_takes_folders_zip_and_dicomdir(prepared: Program) -> None:
    folder = prepared.folder / "cd"
    folder.mkdir()
    for name in ("CT_small.dcm", "MR_small.dcm"):
        shutil.copy(str(get_testdata_file(name)), folder / name)
    (folder / "autorun.inf").write_text("[autorun]")
    (folder / "empty").touch()
    with zipfile.ZipFile(prepared.folder / "cd.zip", "w") as packed:
        packed.write(str(get_testdata_file("JPEG2000.dcm")), "images/JPEG2000.dcm")
    first = prepared.farlight("import", "cd", "cd.zip", "--site", "KASHI").stdout
    assert "stored 3, known already 0, held aside 0, not DICOM 2, refused 0" in first
    again = prepared.farlight("import", "cd", "--site", "KASHI").stdout
    assert "stored 0, known already 2" in again
    directory = Path(str(get_testdata_file("DICOMDIR"))).parent
    listed = prepared.farlight("import", str(directory / "DICOMDIR"), "--site", "KASHI").stdout
    assert "refused 0" in listed
    assert "stored 31" in listed


def test_import_goes_on_past_a_broken_file_and_names_it(prepared: Program) -> None:
    folder = prepared.folder / "broken"
    folder.mkdir()
    for name in ("CT_small.dcm", "MR_truncated.dcm", "rtplan_truncated.dcm"):
        shutil.copy(str(get_testdata_file(name)), folder / name)
    done = prepared.farlight("import", "broken", "--site", "KASHI", check=False)
    assert done.returncode == 1
    assert "stored 1" in done.stdout
    assert "MR_truncated.dcm: (7FE0,0010) PixelData announces 8192 bytes" in done.stdout
    assert "there is no site" in prepared.farlight("import", "broken", "--site", "X", check=False).stderr


def test_one_bad_member_of_a_zip_does_not_end_the_import(prepared: Program) -> None:
    packed = prepared.folder / "cd.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("CT_small.dcm", "MR_small.dcm"):
            archive.write(str(get_testdata_file(name)), name)
    content = bytearray(packed.read_bytes())
    content[2000] ^= 0xFF  # inside the first member: its CRC no longer fits
    packed.write_bytes(content)
    done = prepared.farlight("import", "cd.zip", "--site", "KASHI", check=False)
    assert done.returncode == 1
    assert "stored 1" in done.stdout
    assert "CT_small.dcm: it cannot be read: Bad CRC-32" in done.stdout


def test_a_node_that_moved_is_one_node(prepared: Program) -> None:
    network = prepared.folder / "network.toml"
    network.write_text(network.read_text().replace('host = "127.0.0.1"', 'host = "127.0.0.9"'))
    assert "node KASHI_PACS@127.0.0.9" in prepared.farlight("network", "apply", "network.toml").stdout
    shown = prepared.farlight("network", "show").stdout
    assert "127.0.0.9" in shown
    assert "127.0.0.1" not in shown
    assert "nothing to change" in prepared.farlight("network", "apply", "network.toml").stdout


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="FARLIGHT_HTTP_PROT is no setting"):
        load_settings({"FARLIGHT_HTTP_PROT": "80"}, tmp_path / "none.toml")
    (tmp_path / "farlight.toml").write_text("http_prot = 80")
    with pytest.raises(Invalid, match="HTTP_PROT"):
        load_settings({}, tmp_path / "farlight.toml")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "farlight.toml").write_text('http_port = 1\nae_title = "FROM_FILE"')
    monkeypatch.setenv("FARLIGHT_HTTP_PORT", "2")
    settings = load_settings({}, tmp_path / "farlight.toml")
    assert (settings.http_port, settings.ae_title) == (2, "FROM_FILE")


def test_every_setting_is_told_in_the_docs() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        assert f"`FARLIGHT_{name.upper()}`" in text
        assert field.description
