"""The service does what `/openapi.json` says: generated calls of every operation find no error of ours and no answer
that is not described. ``FARLIGHT_TEST_EXAMPLES`` raises the number of calls of each for a long run."""

from __future__ import annotations

import os
import shutil

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import booleans
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from served import Served, made_slice, serve

from storage.archive import open_archive
from storage.ingest import Sender, ingest_file

EXAMPLES = int(os.environ.get("FARLIGHT_TEST_EXAMPLES", "4"))
CHECKS = [schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance]
ENDLESS = "/api/events"
"""A stream: it answers for as long as one listens."""
REAL = {
    "study": "2.25.50",
    "series": "2.25.50.1",
    "instance": "2.25.50.1.1",
    "frames": "1",
    "frame": "1",
    "path": "7FE00010",
    "site": "KASHI",
    "study_instance_uid": "2.25.50",
}
"""What there is, beside what is made up for path parameters."""
SLOW = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES < 10,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def open_service(tmp_path_factory, prepared_database):
    """An application of its own: what is called here changes things."""
    folder = tmp_path_factory.mktemp("openapi")
    shutil.copy(prepared_database, folder / "farlight.db")
    archive = open_archive(f"sqlite:///{folder / 'farlight.db'}", f"file://{folder / 'blobs'}", folder)
    for number in range(1, 4):
        ingest_file(archive, made_slice(number), Sender("KASHI", "CT1", issuer="KASHI"))
    with serve(archive) as url:
        yield Served(url, archive)
    archive.close()


@pytest.fixture(scope="module")
def operations(open_service):
    """All that is described, without the second set of DICOMweb addresses, which is the same."""
    schema = schemathesis.openapi.from_url(f"{open_service.url}/openapi.json")
    chosen = schema.exclude(path_regex=r"^/sites/").exclude(path=ENDLESS)
    return sorted((found.ok() for found in chosen.get_all_operations()), key=_lasting)


def _lasting(operation):
    """What takes away comes last, and signing out after all."""
    return operation.method == "delete", operation.path == "/api/session"


@pytest.mark.parametrize("who", ["technician", "reader", None])
def test_what_is_described_is_what_happens(open_service, operations, who):
    headers = {}
    if who is not None:
        with open_service.client(who) as client:
            headers["Authorization"] = f"Bearer {client.cookies['farlight_session']}"
    assert len(operations) > 60
    wrong = []
    for operation in operations:
        try:
            _try(operation, headers)
        except FailureGroup as why:
            wrong.append(f"{operation.method.upper()} {operation.path}: {_reason(why)}")
    assert "\n".join(wrong) == ""


def _try(operation, headers):
    @SLOW
    @given(case=operation.as_strategy(), real=booleans())
    def call(case, real):
        if real:
            case.path_parameters |= {name: REAL[name] for name in case.path_parameters if name in REAL}
        case.call_and_validate(headers=headers, checks=CHECKS)

    call()


def _reason(why):
    return "; ".join(" ".join(str(one).split())[:300] for one in why.exceptions)
