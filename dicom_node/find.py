"""C-FIND as provider (PS3.4 C.4.1): what a node's own hospital has, by the keys it asks with.

Row numbers are found at once, so that an answer is neither given twice nor left out while images arrive; the rows
are read page by page, each on a connection of its own, so that a slow caller holds nothing. No answer is left out in
silence: beyond `MAX_ANSWERS` the final status says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dicom_node.find_answers import answer, facts, held_model
from dicom_node.find_keys import FindKeys, read_keys
from dicom_node.services import CANCELLED, PENDING, PENDING_WITH_WARNING, Request, Response
from dicom_node.status import OUT_OF_RESOURCES, SUCCESS
from storage.json_model import JsonModel
from storage.matching_held import held_matches
from storage.query import Query
from storage.query import find as find_in_index
from storage.query_rows import load
from storage.visibility import Visible

MAX_ANSWERS = 5000
MAX_LOOKED_THROUGH = 50_000
"""Rows that are compared one by one, where keys are asked for that are in no index."""
_PAGE = 100
_COMBINED, _FUZZY = 1, 2
"""Bytes of the SOP Class Extended Negotiation, counted from 0 (PS3.4 C.5.1.1)."""


def find(request: Request) -> Iterator[Response]:
    """C-FIND at any level. Raises `Invalid`, naming the attribute, for an identifier that cannot be understood."""
    keys = read_keys(request.context.abstract_syntax, request.identifier, request.node.charset)
    most = MAX_LOOKED_THROUGH if keys.held else MAX_ANSWERS
    rows = _rows(request, keys, most + 1)
    pending = PENDING if keys.supported else PENDING_WITH_WARNING
    sent = 0
    for model in _models(request, keys, rows[:most]):
        if request.cancelled():
            yield Response(CANCELLED)
            return
        if model is None:
            continue
        if sent == MAX_ANSWERS:
            yield _too_many(MAX_ANSWERS)
            return
        yield Response(pending, answer(model, keys, request.ae_title))
        sent += 1
    yield _too_many(most) if len(rows) > most else Response(SUCCESS)


def _too_many(number: int) -> Response:
    return Response(OUT_OF_RESOURCES, comment=f"there are more than {number}; narrow the query")


def _rows(request: Request, keys: FindKeys, limit: int) -> list[int]:
    extended = request.context.extended
    query = Query(
        keys.level,
        keys.matches,
        fuzzy=_negotiated(extended, _FUZZY),
        combined=_negotiated(extended, _COMBINED),
    )
    with request.archive.database.read() as connection:
        return find_in_index(connection, query, Visible((request.node.site,)), limit)


def _negotiated(extended: bytes, byte: int) -> bool:
    return len(extended) > byte and extended[byte] == 1


def _models(request: Request, keys: FindKeys, rows: Sequence[int]) -> Iterator[JsonModel | None]:
    """What is known of each row; None for one that keys outside of the index leave out."""
    for start in range(0, len(rows), _PAGE):
        with request.archive.database.read() as connection:
            page = load(connection, keys.level, rows[start : start + _PAGE], headers=keys.needs_headers)
            computed = facts(connection, page, keys)
        for row in page:
            model = held_model(row, keys, request.archive.blobs)
            yield model | computed[row.row] if held_matches(model, keys.held) else None
