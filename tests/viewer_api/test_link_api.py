"""Links, refused callers, counts and late images over HTTP: who sees what, and who may do what."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import uvicorn
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from running import Client, wait_for
from sqlalchemy import select

from storage.archive import Archive
from storage.commitments import Reference, ask, postponed
from storage.declarations import read_declarations
from storage.ingest import Sender, ingest_file
from storage.links import AssociationSummary, record_association
from storage.sites import find_node, record_refusal
from storage.tables import audit
from viewer_api.app import create_app
from worklist import arrivals

CALLING, CALLED = "calling AE title not recognized", "called AE title not recognized"


class Web:
    """The application behind a port, and images sent to the archive behind it."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        config = uvicorn.Config(create_app(archive), host="127.0.0.1", port=0, log_level="warning", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait_for("the application", lambda: self.server.started)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"
        self.clients: list[Client] = []
        self.study_uid = generate_uid()

    def client(self, username: str) -> Client:
        client = Client(self.url)
        self.clients.append(client)
        client.sign_in(username)
        return client

    def send(self, count: int, **tags: str) -> None:
        """Images of one study of Kashi."""
        dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
        dataset.StudyInstanceUID = self.study_uid
        for tag, value in tags.items():
            setattr(dataset, tag, value)
        for _ in range(count):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
            out = io.BytesIO()
            dataset.save_as(out)
            ingest_file(self.archive, out.getvalue(), Sender("KASHI", "KASHI_PACS"))

    def settle(self) -> None:
        for _ in range(2):
            arrivals.run_once(self.archive, -1)

    def refuse(self, title: str, address: str, reason: str = CALLING) -> None:
        with self.archive.database.write() as connection:
            record_refusal(self.archive.database, connection, title, "FARLIGHT", address, reason)

    def expected(self, site: str = "KASHI") -> str:
        return f"/api/studies/{site}/{self.study_uid}/expected"

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.server.config.app.state.live.stop()
        self.server.should_exit = True
        self.thread.join(20)


@pytest.fixture
def web(archive: Archive) -> Iterator[Web]:
    running = Web(archive)
    yield running
    running.stop()


# -- the link board ----------------------------------------------------------------------------------


def _nodes(client: Client) -> set[str]:
    answer = client.get("/api/links")
    assert answer.status_code == httpx.codes.OK, answer.text
    return {line["ae_title"] for line in answer.json()["items"]}


def test_each_sees_the_links_of_their_own_hospital_and_operators_all(web: Web) -> None:
    assert _nodes(web.client("technician")) == {"KASHI_PACS"}
    assert _nodes(web.client("admin")) == {"KASHI_PACS"}
    assert _nodes(web.client("ops")) == {"KASHI_PACS", "AKSU_CT", "HOTAN_CT"}
    for other in ("reader", "referrer", "gateway"):
        assert web.client(other).get("/api/links").status_code == httpx.codes.FORBIDDEN
    assert httpx.get(f"{web.url}/api/links").status_code == httpx.codes.UNAUTHORIZED


def test_a_line_tells_what_came_today_and_what_went_wrong(web: Web) -> None:
    now = datetime.now(UTC)
    summary = AssociationSummary(
        site="KASHI",
        ae_title="KASHI_PACS",
        host="127.0.0.1",
        address="127.0.0.1",
        began_at=now - timedelta(seconds=30),
        ended_at=now,
        ended="aborted",
        stored=12,
        failed=1,
        bytes=5_000_000,
        reasons={"C000": 1},
        studies={"1.2.3": 12},
    )
    with web.archive.database.write() as connection:
        record_association(web.archive.database, connection, summary)
    board = web.client("technician").get("/api/links").json()
    (line,) = board["items"]
    assert board["sites"] == [line["site"]]
    assert line["site"]["site"] == "KASHI"
    assert (line["state"], line["last_trouble"]) == ("TROUBLE", "C000")
    assert {one["reason"]: one["count"] for one in line["troubles"]} == {"C000": 1, "ABORTED": 1}
    assert (line["today"]["images"], line["today"]["studies"], line["today"]["bytes"]) == (12, 1, 5_000_000)
    assert (len(line["hours"]), line["hours"][-1]) == (24, 12)
    assert line["last_seen_at"].endswith("Z")


def test_commitments_that_do_not_get_through_are_shown_to_those_who_see_the_link(web: Web) -> None:
    database = web.archive.database
    for title, site in (("KASHI_PACS", "KASHI"), ("AKSU_CT", "AKSU")):
        for uid in ("1.2.1", "1.2.2"):
            about = {"site": site, "ae_title": title, "transaction_uid": uid}
            asked = ask(database, **about, references=[Reference("1.2", "1.2.3")])
            if uid == "1.2.1" or site == "AKSU":
                postponed(database, asked, "no connection to it")
    (line,) = web.client("technician").get("/api/links").json()["commitments"]
    assert line["site"]["site"] == "KASHI"
    assert (line["ae_title"], line["waiting"], line["given_up"]) == ("KASHI_PACS", 1, 0)
    assert (line["last_error"], line["since"][-1]) == ("no connection to it", "Z")
    of_all = web.client("ops").get("/api/links").json()["commitments"]
    assert {one["ae_title"]: one["waiting"] for one in of_all} == {"KASHI_PACS": 1, "AKSU_CT": 2}


# -- refused callers ---------------------------------------------------------------------------------


def _callers(client: Client) -> set[str]:
    return {line["calling_ae_title"] for line in client.get("/api/refusals").json()}


def test_a_hospital_sees_refusals_of_its_own_addresses_and_titles_only(web: Web) -> None:
    web.refuse("NEW_CT", "127.0.0.1")  # the address of Kashi's PACS
    web.refuse("KASHI_PACS", "10.1.1.1")  # its title, from elsewhere
    web.refuse("AKSU_CT", "10.2.2.2", CALLED)
    web.refuse("NOBODY", "10.3.3.3")
    assert _callers(web.client("admin")) == {"NEW_CT", "KASHI_PACS"}
    assert _callers(web.client("ops")) == {"NEW_CT", "KASHI_PACS", "AKSU_CT", "NOBODY"}
    assert web.client("technician").get("/api/refusals").status_code == httpx.codes.FORBIDDEN


def _adopt(client: Client, title: str, **body: Any) -> httpx.Response:
    listed = {line["calling_ae_title"]: line["id"] for line in client.get("/api/refusals").json()}
    return client.post(f"/api/refusals/{listed[title]}/adopt", json={"site": "KASHI", **body})


def test_a_refused_device_is_adopted_in_one_step_and_that_is_on_record(web: Web) -> None:
    web.refuse("NEW_CT ", "127.0.0.1")
    web.refuse("NEW_CT ", "127.0.0.1", CALLED)
    admin = web.client("admin")
    answer = _adopt(admin, "NEW_CT ", charset="GB18030", issuer="KASHI", port=11112)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    with web.archive.database.read() as connection:
        node = find_node(connection, "NEW_CT", "127.0.0.1")
        act = connection.execute(select(audit).order_by(audit.c.id.desc())).first()
    assert node is not None
    assert (node.site, node.port, node.charset, node.issuer) == ("KASHI", 11112, "GB18030", "KASHI")
    assert act is not None
    assert (act.action, act.object_id, act.actor, act.site) == ("adopt", "NEW_CT@127.0.0.1", "admin", "KASHI")
    assert _callers(admin) == set()
    assert "NEW_CT" in {kept.ae_title for kept in read_declarations(web.archive.blobs)["KASHI"].nodes}
    assert "NEW_CT" in _nodes(admin)


def test_who_may_adopt_for_whom(web: Web) -> None:
    web.refuse("NEW_CT", "127.0.0.1")
    web.refuse("NOBODY", "10.3.3.3")
    admin, ops = web.client("admin"), web.client("ops")
    assert _adopt(admin, "NEW_CT", site="AKSU").status_code == httpx.codes.FORBIDDEN
    listed = {line["calling_ae_title"]: line["id"] for line in ops.get("/api/refusals").json()}
    hidden = admin.post(f"/api/refusals/{listed['NOBODY']}/adopt", json={"site": "KASHI"})
    assert hidden.status_code == httpx.codes.NOT_FOUND
    stranger = web.client("technician").post(
        f"/api/refusals/{listed['NEW_CT']}/adopt", json={"site": "KASHI"}
    )
    assert stranger.status_code == httpx.codes.FORBIDDEN
    assert _adopt(ops, "NOBODY", site="NOWHERE").status_code == httpx.codes.BAD_REQUEST
    assert _adopt(ops, "NOBODY", site="AKSU").status_code == httpx.codes.CREATED


def test_a_known_caller_is_not_adopted_away_from_its_hospital(web: Web) -> None:
    web.refuse("KASHI_PACS", "127.0.0.1", CALLED)
    web.refuse("A\\B", "127.0.0.1")
    ops = web.client("ops")
    answer = _adopt(ops, "KASHI_PACS", site="AKSU")
    assert (answer.status_code, answer.json()["code"]) == (httpx.codes.CONFLICT, "NODE_KNOWN")
    assert _adopt(ops, "A\\B").status_code == httpx.codes.BAD_REQUEST


# -- N of M ------------------------------------------------------------------------------------------


def test_a_declared_number_is_shown_with_the_study_and_its_request(web: Web) -> None:
    technician = web.client("technician")
    assert technician.put(web.expected(), json={"instances": 3}).status_code == httpx.codes.NO_CONTENT
    web.send(2)
    web.settle()
    one = technician.get(f"/api/studies/KASHI/{web.study_uid}").json()
    count = one["completeness"]
    assert (count["received"], count["expected"], count["missing"], count["state"]) == (2, 3, 1, "INCOMPLETE")
    assert [(e["source"], e["instances"]) for e in count["evidence"]] == [("DECLARED", 3)]
    assert one["gaps"] == []
    assert technician.get("/api/studies").json()["items"][0]["completeness"]["state"] == "INCOMPLETE"

    reader = web.client("reader")
    assert reader.queue() == [], "the request waits for the missing image"
    web.send(1)
    web.settle()
    (row,) = reader.queue()
    assert row["study"]["completeness"]["state"] == "COMPLETE"
    assert reader.get(f"/api/requests/{row['id']}").json()["study"]["completeness"]["expected"] == 3

    assert technician.delete(web.expected()).status_code == httpx.codes.NO_CONTENT
    assert technician.delete(web.expected()).status_code == httpx.codes.NOT_FOUND
    assert reader.queue()[0]["study"]["completeness"]["state"] == "UNKNOWN"


def test_only_the_sending_hospital_declares(web: Web) -> None:
    web.send(1)
    web.settle()
    for name, status in (("gateway", 204), ("referrer", 204), ("reader", 403), ("aksu", 403), ("ops", 403)):
        answer = web.client(name).put(web.expected(), json={"instances": 1})
        assert answer.status_code == status, name
    technician = web.client("technician")
    for wrong in ({"instances": 0}, {"instances": 10**9}, {}, {"instances": 1, "series": {"1.2": -1}}):
        assert technician.put(web.expected(), json=wrong).status_code == httpx.codes.BAD_REQUEST
    assert web.client("aksu").get(f"/api/studies/KASHI/{web.study_uid}").status_code == httpx.codes.NOT_FOUND


# -- late images -------------------------------------------------------------------------------------


class Listener:
    """The event stream of one person, read in a thread."""

    def __init__(self, client: Client) -> None:
        self.heard: list[dict[str, Any]] = []
        self._stream = client.stream("GET", "/api/events")
        self._lines = self._stream.__enter__().iter_lines()
        wait_for("the stream", self._is_ready)
        threading.Thread(target=self._listen, daemon=True).start()

    def _is_ready(self) -> bool:
        return "ready" in next(self._lines)

    def _listen(self) -> None:
        kind = ""
        try:
            for line in self._lines:
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.heard.append({"kind": kind, **json.loads(line.removeprefix("data: "))})
        except httpx.HTTPError:
            return  # the server was stopped

    def studies(self) -> list[dict[str, Any]]:
        return [one for one in self.heard if one["kind"] == "study"]


def test_late_images_reach_the_holder_and_stand_in_the_way_of_signing(web: Web) -> None:
    web.send(2)
    web.settle()
    reader = web.client("reader")
    (row,) = reader.queue()
    claim = reader.ok(row["id"], "claim")["claim"]
    assert reader.get(f"/api/requests/{row['id']}").json()["new_images"] == 0
    listener = Listener(web.client("reader"))
    web.send(3)
    told = wait_for(
        "the holder's screen to be told", lambda: [s for s in listener.studies() if s["epoch"] == 5]
    )
    assert told[0]["study_instance_uid"] == web.study_uid
    now = reader.get(f"/api/requests/{row['id']}").json()
    assert (now["new_images"], now["study"]["completeness"]["state"]) == (3, "RECEIVING")

    heard = len(listener.studies())
    web.settle()
    wait_for("word that it is quiet again", lambda: len(listener.studies()) > heard)
    assert reader.get(f"/api/requests/{row['id']}").json()["study"]["completeness"]["state"] == "UNKNOWN"
    content = {"findings": "x", "impression": "y", "positivity": "NEGATIVE"}
    version = reader.save(row["id"], claim["token"], 0, **content)
    order = {"token": claim["token"], "draft_version": version}
    refused = reader.command(row["id"], "submit-report", **order)
    assert (refused.status_code, refused.json()["new_images"]) == (httpx.codes.CONFLICT, 3)
    reader.ok(row["id"], "acknowledge-images", token=claim["token"])
    reader.ok(row["id"], "submit-report", **order)


def test_what_was_held_aside_is_listed_for_its_hospital(web: Web) -> None:
    web.send(1)
    web.send(1, PatientID="SOMEBODY-ELSE")
    (one,) = web.client("technician").get("/api/conflicts").json()
    assert (one["kind"], one["study_instance_uid"]) == ("OTHER_PATIENT", web.study_uid)
    assert web.client("aksu").get("/api/conflicts").json() == []
    assert web.client("ops").get("/api/conflicts").json() == []
