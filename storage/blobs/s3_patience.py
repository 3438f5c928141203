"""How long an S3 store is waited for: repeated requests with growing pauses, and an end to it."""

from __future__ import annotations

import itertools
import random
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any

import structlog
import urllib3
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import HTTPError, SSLError

from storage.blobs.s3_connections import POOLS

log = structlog.get_logger(__name__)

_AWAY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_LOST_ON_THE_WAY = (b"RequestTimeout", b"IncompleteBody", b"BadDigest", b"XAmzContentSHA256Mismatch")
"""Codes of a 400 that mean: what arrived is not what was sent."""
_CUT_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 3.0
_LEAST_S = 1.0
"""What one request is given even when patience has run out: undoing something is worth a try."""


class PatientPool(urllib3.PoolManager):
    """Connections to one store. A request is repeated while the store fails for a passing reason.

    Patience is counted from the last answer that was none, so that a large blob of many parts may take its time
    while a store that says nothing is given up after `patience_s`. Requests are repeatable: bodies are bytes, and
    putting the same twice does no harm.
    """

    def __init__(self, patience_s: float, connections: int) -> None:
        self.patience_s = patience_s
        self._here = threading.local()
        super().__init__(num_pools=2, maxsize=connections, retries=False)
        self.pool_classes_by_scheme = POOLS

    @contextmanager
    def patience(self, seconds: float | None = None) -> Iterator[None]:
        """What this thread asks inside is one operation: its requests share the patience.

        One may lie in another, as where a blob is put that is read from the same store meanwhile.
        """
        around = getattr(self._here, "seconds", None)
        self._here.seconds = self.patience_s if seconds is None else seconds
        self._renew()
        try:
            yield
        finally:
            self._here.seconds = around
            self._renew()

    def urlopen(self, method: str, url: str, redirect: bool = False, **given: Any) -> BaseHTTPResponse:  # type: ignore[override]
        """One request, repeated. Redirects are not followed: a signature holds for one host alone."""
        for attempt in itertools.count():
            try:
                response = super().urlopen(
                    method, url, redirect=False, **{**given, "retries": False, "timeout": self._timeout()}
                )
            except HTTPError as why:
                if _is_hopeless(why) or not self._pause(attempt, type(why).__name__):
                    raise
                continue
            if not _failed_in_passing(response):
                self._renew()
                return response
            if not self._pause(attempt, f"status {response.status}"):
                return response
            with suppress(HTTPError):
                response.drain_conn()
        raise AssertionError("unreachable")

    def _renew(self) -> None:
        self._here.until = time.monotonic() + self._seconds()

    def _seconds(self) -> float:
        return float(getattr(self._here, "seconds", None) or self.patience_s)

    def _left(self) -> float:
        return float(getattr(self._here, "until", 0.0)) - time.monotonic()

    def _timeout(self) -> Timeout:
        """Half the patience for one try. Sending the body must end within `connect`, as sockets have it."""
        each = max(_LEAST_S, min(self._left(), self._seconds() / 2))
        return Timeout(connect=each, read=each)

    def _pause(self, attempt: int, reason: str) -> bool:
        """Wait before the next try; false if that would be too late."""
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(attempt, 10))
        pause = longest * random.uniform(0.5, 1.0)  # noqa: S311 - to spread, not to hide
        if self._left() < pause:
            return False
        log.warning("store asked again", reason=reason, attempt=attempt + 1)
        time.sleep(pause)
        return True


def _is_hopeless(why: HTTPError) -> bool:
    """A certificate that is not trusted and a port without TLS stay so; an end in mid-sentence is a restart."""
    causes = (*why.args, why.__cause__)
    return isinstance(why, SSLError) and not any(isinstance(cause, _CUT_OFF) for cause in causes)


def _failed_in_passing(response: BaseHTTPResponse) -> bool:
    if response.status == HTTPStatus.BAD_REQUEST:
        said = response.data or b""
        return any(code in said for code in _LOST_ON_THE_WAY)
    return response.status in _AWAY
