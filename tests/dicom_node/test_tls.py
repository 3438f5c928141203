"""DICOM over TLS: DCMTK's tools with and without certificates, old versions refused, nodes bound to theirs."""

from __future__ import annotations

import select
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from certificates import Identity, issue, make_authority
from conftest import KASHI_PACS, QUICK, tool_path
from pydicom import dcmread

from dicom_node import tls
from dicom_node.destinations import find_destination
from dicom_node.negotiation import Proposal
from dicom_node.node import DicomNode, NodeConfig
from dicom_node.requestor import Destination, connect
from dicom_node.tls import Clients, Tls
from storage.archive import Archive
from storage.errors import Unavailable
from storage.sites import all_refusals, put_node


@dataclass(frozen=True)
class Pki:
    """Who issues and who was issued certificates."""

    authority: Identity
    server: Identity
    pacs: Identity
    other: Identity
    stranger: Identity


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    authority = make_authority(folder, "authority")
    mine = [issue(folder, name, authority) for name in ("localhost", "kashi-pacs", "other")]
    return Pki(authority, *mine, issue(folder, "stranger", make_authority(folder, "elsewhere")))


@pytest.fixture
def start_tls(archive: Archive, pki: Pki) -> Iterator[Callable[[Clients], DicomNode]]:
    started: list[DicomNode] = []

    def start(clients: Clients) -> DicomNode:
        shown = Tls(pki.server.certificate, pki.server.key, pki.authority.certificate, clients)
        config = NodeConfig(archive, port=0, host="127.0.0.1", limits=QUICK, tls=shown, tls_port=0)
        started.append(DicomNode(config))
        started[-1].start()
        return started[-1]

    yield start
    for node in started:
        node.stop(timeout_s=3)


def run(name: str, node: DicomNode, pki: Pki, identity: Identity | None, *arguments: object) -> str:
    """One of DCMTK's tools over TLS; what it printed."""
    shown = ("+tls", identity.key, identity.certificate) if identity else ("+tla",)
    command = [
        *(tool_path(name), "-v", "-aet", "KASHI_PACS", "-aec", "FARLIGHT", *shown),
        *("+cf", pki.authority.certificate, "127.0.0.1", node.tls_port, *arguments),
    ]
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.parametrize("identified", [True, False])
def test_echo_and_store_over_tls(
    start_tls: Callable, pki: Pki, ct: Path, held: Callable, dataset_of: Callable, identified: bool
) -> None:
    node = start_tls(Clients.OPTIONAL)
    identity = pki.pacs if identified else None
    assert "Received Echo Response (Success)" in run("echoscu", node, pki, identity)
    assert "Received Store Response (Success)" in run("storescu", node, pki, identity, ct)
    (stored,) = held()
    assert dataset_of(stored) == dataset_of(ct)


def test_find_over_tls(start_tls: Callable, pki: Pki, ct: Path) -> None:
    node = start_tls(Clients.REQUIRED)
    run("storescu", node, pki, pki.pacs, ct)
    study = str(dcmread(ct).StudyInstanceUID)
    assert study in run("findscu", node, pki, pki.pacs, *_study_keys(study))


def _study_keys(study: str) -> tuple[str, ...]:
    return ("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")


@pytest.mark.parametrize("tool", ["getscu", "movescu"])
def test_get_and_move_through_a_tunnel(
    start_tls: Callable,
    pki: Pki,
    ct: Path,
    tmp_path: Path,
    archive: Archive,
    free_port: int,
    dcmtk: Callable,
    tool: str,
) -> None:
    """DCMTK's getscu and movescu speak no TLS themselves; a hospital puts a tunnel before them."""
    node, got = start_tls(Clients.REQUIRED), tmp_path / "got"
    got.mkdir()
    run("storescu", node, pki, pki.pacs, ct)
    with archive.database.write() as connection:
        put_node(archive.database, connection, replace(KASHI_PACS, ae_title="ARCHIVE", port=free_port))
    keys = ("-od", got, *_study_keys(str(dcmread(ct).StudyInstanceUID)))
    moved = ("-aem", "ARCHIVE", "+P", free_port) if tool == "movescu" else ()
    with tunnel(node, pki) as port:
        titles = ("-aet", "KASHI_PACS", "-aec", "FARLIGHT")
        ran = dcmtk(tool, "-v", *titles, *moved, *keys, "127.0.0.1", port)
    assert len(list(got.iterdir())) == 1, ran.output


@contextmanager
def tunnel(node: DicomNode, pki: Pki) -> Iterator[int]:
    """A port on which plain DICOM is taken for one association and passed on over TLS."""
    context = ssl.create_default_context(cafile=str(pki.authority.certificate))
    context.check_hostname = False
    context.load_cert_chain(pki.pacs.certificate, pki.pacs.key)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_pass_on, args=(listening, context, node.tls_port))
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


def _pass_on(listening: socket.socket, context: ssl.SSLContext, port: int) -> None:
    plain, _ = listening.accept()
    with plain, context.wrap_socket(socket.create_connection(("127.0.0.1", port))) as secured:
        while True:
            ready = [secured] if secured.pending() else select.select([plain, secured], [], [], 10)[0]
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                (secured if one is plain else plain).sendall(data)


def test_a_certificate_can_be_required(start_tls: Callable, pki: Pki) -> None:
    node = start_tls(Clients.REQUIRED)
    assert "Echo Response (Success)" not in run("echoscu", node, pki, None)
    assert "Echo Response (Success)" not in run("echoscu", node, pki, pki.stranger)
    assert "Echo Response (Success)" in run("echoscu", node, pki, pki.other)


def test_a_node_bound_to_its_certificate_is_known_by_no_other(
    start_tls: Callable, pki: Pki, archive: Archive, echo: Callable
) -> None:
    bound = replace(KASHI_PACS, certificate=pki.pacs.fingerprint)
    with archive.database.write() as connection:
        put_node(archive.database, connection, bound)
    node = start_tls(Clients.OPTIONAL)
    assert "Echo Response (Success)" in run("echoscu", node, pki, pki.pacs)
    for other in (pki.other, None):
        assert "Rejected Permanent" in run("echoscu", node, pki, other)
    assert "Rejected Permanent" in echo().output, "nor without TLS"
    node.stop()
    with archive.database.read() as connection:
        assert {row.reason for row in all_refusals(connection)} == {
            "the node did not show the certificate it is registered with"
        }


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_that_are_spoken(start_tls: Callable, pki: Pki, version: ssl.TLSVersion) -> None:
    with _handshake(start_tls(Clients.OPTIONAL), pki, version) as secured:
        cipher = secured.cipher()
    assert cipher is not None
    assert "GCM" in cipher[0] or "CHACHA20" in cipher[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_versions_that_are_not(start_tls: Callable, pki: Pki) -> None:
    with pytest.raises((ssl.SSLError, OSError)):
        _handshake(start_tls(Clients.OPTIONAL), pki, ssl.TLSVersion.TLSv1_1)


def test_weak_ciphers_are_refused(start_tls: Callable, pki: Pki) -> None:
    with pytest.raises((ssl.SSLError, OSError)):
        _handshake(start_tls(Clients.OPTIONAL), pki, ssl.TLSVersion.TLSv1_2, "AES128-SHA")


def _handshake(
    node: DicomNode, pki: Pki, version: ssl.TLSVersion, ciphers: str = "DEFAULT:@SECLEVEL=0"
) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(pki.authority.certificate))
    context.check_hostname = False
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    plain = socket.create_connection(("127.0.0.1", node.tls_port or 0), timeout=5)
    try:
        return context.wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


def test_no_handshake_is_no_harm(start_tls: Callable, pki: Pki) -> None:
    node = start_tls(Clients.OPTIONAL)
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05abcde"):
        with socket.create_connection(("127.0.0.1", node.tls_port or 0), timeout=5) as plain:
            plain.sendall(said)
            with suppress(ConnectionResetError):
                while plain.recv(100):
                    pass
    assert "Echo Response (Success)" in run("echoscu", node, pki, pki.pacs)


def test_we_call_over_tls_and_look_at_the_certificate(
    start_tls: Callable, pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = start_tls(Clients.REQUIRED)
    destination = Destination("FARLIGHT", "127.0.0.1", node.tls_port or 0, tls=True)
    proposal = [Proposal("1.2.840.10008.1.1", ("1.2.840.10008.1.2",))]
    tls.use(Tls(pki.pacs.certificate, pki.pacs.key, pki.authority.certificate))
    with connect(destination, "KASHI_PACS", proposal) as association:
        assert association.echo(association.contexts[1]) == 0
    tls.use(Tls(pki.pacs.certificate, pki.pacs.key, pki.stranger.certificate))
    with pytest.raises(Unavailable, match="no TLS connection"), connect(destination, "KASHI_PACS", proposal):
        pass
    tls.use(None)


def test_a_node_that_we_call_shows_the_certificate_it_is_registered_with(
    start_tls: Callable, pki: Pki, archive: Archive, called: Callable
) -> None:
    """Whoever issued it; and a certificate of our own authority will not do in its place."""
    port = start_tls(Clients.OPTIONAL).tls_port
    bound = replace(KASHI_PACS, ae_title="FARLIGHT", port=port, tls=True, certificate=pki.server.fingerprint)
    with archive.database.write() as connection:
        put_node(archive.database, connection, bound)
    destination = find_destination(archive.database, "KASHI", "FARLIGHT")
    tls.use(Tls(pki.pacs.certificate, pki.pacs.key, pki.authority.certificate))
    with pytest.raises(Unavailable, match="does not show the certificate"):
        called(replace(destination, certificate=pki.other.fingerprint))
    called(destination)
    tls.use(None)
    called(destination)


def test_the_systems_authorities_vouch_for_the_host_that_is_called(
    start_tls: Callable, pki: Pki, called: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pki.authority.certificate))
    tls.use(None)
    destination = Destination("FARLIGHT", "localhost", start_tls(Clients.OPTIONAL).tls_port or 0, tls=True)
    called(destination)
    with pytest.raises(Unavailable, match="no TLS connection"):
        called(replace(destination, host="127.0.0.1"))


@pytest.fixture
def called() -> Iterator[Callable[[Destination], None]]:
    """Calls a node and asks whether it is there."""

    def call(destination: Destination) -> None:
        proposal = [Proposal("1.2.840.10008.1.1", ("1.2.840.10008.1.2",))]
        with connect(destination, "KASHI_PACS", proposal) as association:
            assert association.echo(association.contexts[1]) == 0

    yield call
    tls.use(None)


def test_files_that_cannot_be_used_are_named(archive: Archive, pki: Pki, tmp_path: Path) -> None:
    wrong = Tls(pki.server.certificate, tmp_path / "no.key")
    node = DicomNode(NodeConfig(archive, port=0, host="127.0.0.1", tls=wrong, tls_port=0))
    with pytest.raises(Unavailable, match=r"no\.key"):
        node.start()
