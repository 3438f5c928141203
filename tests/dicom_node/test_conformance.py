"""The conformance statement says what the program does: its tables are read, and compared with the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from pydicom.datadict import keyword_for_tag
from pydicom.uid import UID

from dicom_node import commitment, find, find_keys, peers, requestor, retrieve, selection, status, upper_layer
from dicom_node.association import MAX_FRAGMENT, MAX_WAITING_MESSAGES
from dicom_node.command import C_FIND, C_GET, C_MOVE, C_STORE, N_ACTION
from dicom_node.contexts import LOSSLESS, NOT_OF_A_PATIENT, PLAIN, SERVICES, VERIFICATION, accepted_extension
from dicom_node.decompression import can_decompress
from dicom_node.negotiation import MAX_CONTEXTS, MAX_PDU
from dicom_node.node import Limits
from dicom_node.outgoing import UNCOMPRESSED
from dicom_node.services import CANCELLED, PENDING, PENDING_WITH_WARNING
from dicom_node.tls import CIPHERS
from farlight.network import NodeEntry
from farlight.settings import Settings
from storage import commitments, errors, held_tags
from storage.header import INFLATED_FREELY, MAX_INFLATED, MAX_RATIO
from storage.matching import MAX_UIDS
from storage.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from storage.query_keys import QUERY_KEYS, Kind, Level
from storage.structure import ITEMS_PER_FRAME, MAX_DEPTH, MAX_ELEMENTS, MAX_ITEMS
from viewer_api.dicomweb.parameters import PICTURES
from worklist import delivery

STATEMENT = Path(__file__).parents[2] / "docs" / "conformance.md"
SETTINGS = STATEMENT.with_name("settings.md")
TEXT = STATEMENT.read_text()
Table = dict[str, list[str]]


def tables() -> list[tuple[str, Table]]:
    """Every table: the words of its head, and its rows by their first cell."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        found.append((" | ".join(lines[0]), {first: rest for first, *rest in lines[2:]}))
    return found


TABLES = tables()


def numbers(text: str) -> list[int]:
    """Numbers that stand in a cell."""
    return [int(word) for word in re.findall(r"\b\d+\b", text)]


def table(beginning: str) -> Table:
    """The one table whose head begins so."""
    (found,) = [rows for head, rows in TABLES if head.startswith(beginning)]
    return found


def by_uid(rows: Table) -> dict[str, str]:
    return {cells[0]: name for name, cells in rows.items() if cells[0]}


def words(name: str) -> set[str]:
    """What must be the same in a name, however it is spelled."""
    name = name.replace("High-Throughput", "HT").replace("Near-Lossless", "Lossy (Near-Lossless)")
    return set(re.findall(r"[A-Z0-9]{2,}|\d+", name)) - {"VR", "SOP", "UID", "HT"}


# -- associations ----------------------------------------------------------------------------------


def test_the_version() -> None:
    assert f"Farlight {version('farlight')}" in TEXT


def test_association_policies() -> None:
    (told,) = [rows for _, rows in TABLES if "Longest PDU that is announced" in rows]
    limits = Limits()
    assert told["Implementation class UID"] == [IMPLEMENTATION_CLASS_UID]
    assert told["Implementation version name"] == [IMPLEMENTATION_VERSION_NAME]
    expected = {
        "Longest PDU that is announced": MAX_PDU,
        "Longest PDU of any type that is read": upper_layer.LONGEST_PDU,
        "Longest fragment that is sent": MAX_FRAGMENT,
        "Associations, of one process": limits.associations,
        "Associations, of one hospital with one process": limits.associations_per_site,
        "Wait for A-ASSOCIATE-RQ (ARTIM)": limits.request_timeout_s,
        "Association on which nothing comes": limits.idle_timeout_s,
        "Reading or writing one PDU": limits.pdu_timeout_s,
        "Asynchronous operations window": MAX_WAITING_MESSAGES,
    }
    assert {name: numbers(told[name][0])[-1:] for name in expected} == {
        name: [value] for name, value in expected.items()
    }
    assert f"{MAX_CONTEXTS} presentation contexts" in TEXT
    assert (Settings().dicom_associations, Settings().dicom_associations_per_site) == (
        limits.associations,
        limits.associations_per_site,
    )


def test_rejections() -> None:
    known = [value for value in vars(peers).values() if isinstance(value, peers.Rejection)]
    assert {name: [int(cell) for cell in cells] for name, cells in table("A-ASSOCIATE-RJ").items()} == {
        one.text: [one.result, one.source, one.reason] for one in known
    }


def test_what_we_say_as_user() -> None:
    (told,) = [rows for _, rows in TABLES if "Connecting" in rows]
    assert [numbers(cells[0]) for cells in told.values()] == [
        [requestor.CONNECT_TIMEOUT_S],
        [requestor.ACSE_TIMEOUT_S],
        [requestor.DIMSE_TIMEOUT_S],
        [MAX_CONTEXTS],
    ]


# -- presentation contexts -------------------------------------------------------------------------


@pytest.mark.parametrize("head", ["lossless transfer syntax", "transfer syntax that is decompressed"])
def test_names_of_transfer_syntaxes(head: str) -> None:
    for uid, name in by_uid(table(head)).items():
        if UID(uid).name != uid:
            assert words(name) <= words(UID(uid).name), f"{name} is {UID(uid).name}"


def test_lossless_transfer_syntaxes() -> None:
    assert by_uid(table("lossless transfer syntax")).keys() == LOSSLESS


def test_what_is_decompressed() -> None:
    named = by_uid(table("transfer syntax that is decompressed")).keys()
    known = {f"1.2.840.10008.1.2{suffix}" for suffix in ("", ".5", ".8.1", *(f".1.{n}" for n in range(100)))}
    known |= {f"1.2.840.10008.1.2.4.{number}" for number in range(300)}
    assert named == {uid for uid in known if can_decompress(uid)}
    order = ("Explicit VR Little Endian", "Implicit VR Little Endian", "Deflated", "Explicit VR Big Endian")
    assert all(UID(uid).name.startswith(name) for uid, name in zip(UNCOMPRESSED, order, strict=True))
    assert f"in the order {', '.join(order)}" in TEXT


def test_services() -> None:
    rows = {cells[0]: cells[1] for cells in table("SOP class | UID").values() if cells[0]}
    assert rows == {VERIFICATION: "nothing", **SERVICES}
    for uid, name in by_uid(table("SOP class | UID")).items():
        assert words(name) <= words(UID(uid).name), f"{name} is {UID(uid).name}"


def test_plain_syntaxes_and_extensions() -> None:
    assert {UID(uid).name for uid in PLAIN} == {
        "Explicit VR Little Endian",
        "Implicit VR Little Endian",
        "Explicit VR Big Endian",
    }
    assert accepted_extension("1.2.840.10008.5.1.4.1.2.2.1", b"\1\1\1\1\1") == b"\1\1\1\0\0"
    assert accepted_extension("1.2.840.10008.5.1.4.1.2.2.2", b"\1\1\1\1\1") == b"\1\0\0\0\0"


def test_what_is_not_stored() -> None:
    rows = by_uid(table("SOP class not accepted"))
    assert rows.keys() == NOT_OF_A_PATIENT
    assert all(UID(uid).name == f"{name} Storage" for uid, name in rows.items())


# -- statuses --------------------------------------------------------------------------------------


def test_statuses() -> None:
    (told,) = [rows for _, rows in TABLES if "NotFound" in rows]
    fields = ((C_STORE,), (C_FIND,), (C_MOVE, C_GET), (N_ACTION,))
    kinds: dict[str, type[Exception]] = {"an error of ours, which was logged": Exception}
    for name in told:
        kind = kinds.get(name) or getattr(errors, name.partition(":")[0])
        for same, cell in zip(fields, told[name], strict=True):
            assert {status.STATUSES[one][kind] for one in same} == {int(cell, 16)}, name
    assert len(told) == len(status.STATUSES[C_STORE])


def test_narrower_statuses() -> None:
    block = TEXT[TEXT.index("| narrower |") : TEXT.index("### 3.4")]
    told = {tuple(line.strip("| ").split(" | ")[:2]) for line in block.splitlines()[2:] if line}
    retrievals = (CANCELLED, retrieve.WITH_FAILURES, status.UNABLE_TO_PERFORM_SUB_OPERATIONS)
    assert told == {
        ("C-STORE", _hex(status.DATA_SET_DOES_NOT_MATCH)),
        ("C-STORE", _hex(status.SOP_CLASS_NOT_SUPPORTED)),
        ("any", _hex(status.SOP_CLASS_NOT_SUPPORTED)),
        *(
            ("C-FIND", _hex(one))
            for one in (PENDING, PENDING_WITH_WARNING, CANCELLED, status.OUT_OF_RESOURCES)
        ),
        ("C-MOVE", _hex(retrieve.MOVE_DESTINATION_UNKNOWN)),
        *(("C-MOVE, C-GET", _hex(one)) for one in retrievals),
        ("N-ACTION", _hex(commitment.NO_SUCH_SOP_CLASS)),
        ("N-ACTION", _hex(status.NO_SUCH_INSTANCE)),
        ("N-ACTION", _hex(commitment.NO_SUCH_ACTION)),
        ("N-ACTION", _hex(status.RESOURCE_LIMITATION)),
    }
    assert f"more than {find.MAX_ANSWERS} matches" in block
    assert f"more than {find.MAX_LOOKED_THROUGH} rows" in block
    assert f"more than {commitment.MAX_REFERENCES} references" in block


def _hex(number: int) -> str:
    return f"{number:04X}"


def test_how_statuses_of_peers_are_taken() -> None:
    told = table("status of the peer")
    taken = {code: status.read_peer_status(int(code, 16)).verdict.value for code in told}
    assert taken == {code: cells[0] for code, cells in told.items()}


# -- queries and retrievals ------------------------------------------------------------------------


def test_query_keys() -> None:
    told = table("key in the index")
    assert told == {keyword: [key.table, key.kind.value] for keyword, key in QUERY_KEYS.items()}
    assert table("kind | what matches").keys() == set(Kind)
    assert f"a list of up to {MAX_UIDS}" in TEXT


def test_keys_beside_the_index() -> None:
    computed = {
        level.value: sorted(keyword_for_tag(int(tag, 16)) for tag in tags)
        for level, tags in held_tags.COMPUTED.items()
    }
    assert _lists(table("level | computed")) == computed
    never = {keyword for keywords in computed.values() for keyword in keywords}
    assert _lists(table("level | further keys")) == {
        level.value: sorted(
            keyword
            for keyword in _keywords(held_tags.held_tags(level) - held_tags.held_tags(above))
            if keyword not in {*QUERY_KEYS, *never, "SpecificCharacterSet", "TimezoneOffsetFromUTC"}
        )
        for above, level in ((Level.PATIENT, Level.STUDY), (Level.STUDY, Level.SERIES))
    }


def _keywords(tags: Iterable[str]) -> list[str]:
    return [keyword_for_tag(int(tag, 16)) for tag in tags]


def _lists(rows: Table) -> dict[str, list[str]]:
    return {level: cells[0].split(", ") for level, cells in rows.items()}


def test_levels() -> None:
    names = {"1": "Patient Root", "2": "Study Root", "3": "Patient/Study Only"}
    flat = " ".join(TEXT.split())
    for model, levels in find_keys._LEVELS_OF_MODEL.items():
        assert f"{', '.join(levels)} under {names[model]}" in flat


def test_limits_of_queries() -> None:
    assert f"Up to {find_keys.MAX_KEYS} keys" in TEXT
    assert f"up to {selection.MAX_KEYS} UIDs" in TEXT
    assert f"deeper than {MAX_DEPTH}\n" in TEXT
    assert f"more than {MAX_ELEMENTS} elements before" in TEXT
    assert f"more than {MAX_ITEMS} items in its sequences ({ITEMS_PER_FRAME} for each frame" in TEXT
    inflated = (
        f"{MAX_INFLATED >> 20} MiB or, beyond {INFLATED_FREELY >> 20} MiB, to more than {MAX_RATIO} times"
    )
    assert f"more than {inflated}" in TEXT


# -- commitment, delivery --------------------------------------------------------------------------


def test_how_commitments_are_reported() -> None:
    (told,) = [rows for _, rows in TABLES if "waits" in rows]
    assert tuple(numbers(told["waits"][0].replace(" s", ""))) == commitments.BACK_OFF_S
    assert timedelta(days=numbers(told["given up after"][0])[0]) == commitments.GIVE_UP_AFTER
    assert f"still open {commitment.STILL_OPEN_S:g} s after" in TEXT
    assert {int(code, 16) for code in table("Failure Reason")} == {
        commitments.NO_SUCH_OBJECT_INSTANCE,
        commitments.CLASS_INSTANCE_CONFLICT,
        commitments.PROCESSING_FAILURE,
    }


def test_how_reports_are_delivered() -> None:
    assert [factor * delivery.FIRST_RETRY_S for factor in delivery.BACK_OFF] == [30, 120, 600, 3600, 21600]
    assert "30 s, 2 min, 10 min and 1 h later, then every\n6 h, for 72 hours" in TEXT
    assert timedelta(hours=72) == delivery.GIVE_UP_AFTER


# -- configuration, TLS, DICOMweb ------------------------------------------------------------------


def test_settings() -> None:
    told = {name.strip("`"): cells[0].strip("`") for name, cells in table("setting | default").items()}
    ours = [name for name in Settings.model_fields if name.startswith("dicom_") or name == "ae_title"]
    assert told.keys() == {f"FARLIGHT_{name.upper()}" for name in ours}
    elsewhere = dict(re.findall(r"^\| `(FARLIGHT_\w+)` \| (.*?) \|", SETTINGS.read_text(), re.MULTILINE))
    for name in ours:
        key, field = f"FARLIGHT_{name.upper()}", Settings.model_fields[name]
        assert told[key] == elsewhere[key].strip("`")
        if field.default_factory is None:
            assert told[key] in (["off", "none"] if field.default is None else [str(field.default)])


def test_words_of_a_node() -> None:
    assert {word.strip("`") for word in table("word of a")} == NodeEntry.model_fields.keys()


def test_ciphers() -> None:
    assert ":".join(table("cipher suite")) == CIPHERS


def test_pictures() -> None:
    assert all(f"`{kind}`" in TEXT for kind in PICTURES)
