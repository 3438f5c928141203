"""Measurement groups as one table, a row for each (PS3.16 TID 1410, 1411, 1420, 1501)."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from pydicom import Dataset

from viewer_api.dicomweb.sr_html import code_of, concept, label, sequence, text
from viewer_api.dicomweb.sr_links import Links
from viewer_api.dicomweb.sr_values import CONTAINER, NUMBER, unit_of, value

_GROUP = ("DCM", "125007")
_REFERRING = frozenset({"IMAGE", "SCOORD", "SCOORD3D", "COMPOSITE", "WAVEFORM", "TCOORD"})
_UID = "UIDREF"
"""Of no use to a reader's eye: it stands in the row's title."""
_MAX_COLUMNS = 40
_NUMBER = '<td class="n">'
_MAX_DEPTH = 4


def is_measurement_group(item: Dataset) -> bool:
    """A container whose contents fit into a row: nothing in it contains anything itself."""
    if text(item, "ValueType") != CONTAINER or code_of(item) != _GROUP:
        return False
    return all(text(each, "ValueType") != CONTAINER for each in sequence(item, "ContentSequence"))


def measurement_table(groups: list[tuple[str, Dataset]], links: Links) -> str:
    """Groups with their places in the tree, such as ``1.4``; numbers of one name stand in one column."""
    columns = _columns(item for _, item in groups)
    head = "".join(f"<th>{heading}</th>" for heading in columns.values())
    rows = "".join(_row(place, item, columns, links) for place, item in groups)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _columns(groups: Iterator[Dataset]) -> dict[tuple[str, ...], str]:
    """What is told of any group, in the order in which it is first told; what it refers to comes last."""
    found: dict[tuple[str, ...], str] = {}
    refers = False
    for group in groups:
        for item in sequence(group, "ContentSequence"):
            refers |= text(item, "ValueType") in _REFERRING
            if text(item, "ValueType") not in (*_REFERRING, _UID) and len(found) < _MAX_COLUMNS:
                found.setdefault(_column(item), concept(item) or label("Measurement"))
    return {**found, ("",): label("Images")} if refers else found


def _column(item: Dataset) -> tuple[str, ...]:
    if text(item, "ValueType") in _REFERRING:
        return ("",)
    return (*code_of(item), unit_of(item) if text(item, "ValueType") == NUMBER else "")


def _row(place: str, group: Dataset, columns: dict[tuple[str, ...], str], links: Links) -> str:
    cells: dict[tuple[str, ...], list[str]] = {}
    numbers = set()
    for index, item in enumerate(sequence(group, "ContentSequence"), 1):
        column = _column(item)
        if text(item, "ValueType") == NUMBER:
            numbers.add(column)
        shown = f'<span id="item-{place}.{index}">{value(item, links)}</span>{_below(item, links)}'
        cells.setdefault(column, []).append(shown)
    row = "".join(
        f"{_NUMBER if column in numbers else '<td>'}{'<br>'.join(cells.get(column, []))}</td>"
        for column in columns
    )
    uids = " ".join(
        text(item, "UID") for item in sequence(group, "ContentSequence") if text(item, "ValueType") == _UID
    )
    return f'<tr id="item-{place}" title="{escape(uids)}">{row}</tr>'


def _below(item: Dataset, links: Links, depth: int = 0) -> str:
    """What modifies a value, or what it was taken from."""
    parts = [
        f"<li>{concept(each)} {value(each, links)}{_below(each, links, depth + 1)}</li>"
        for each in sequence(item, "ContentSequence")
        if depth < _MAX_DEPTH
    ]
    return f'<ul class="m">{"".join(parts)}</ul>' if parts else ""
