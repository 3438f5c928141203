"""Pictures and decoded frames are made once, and belong to what was asked for."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from viewer_api.dicomweb import pictures
from viewer_api.render import frame as frames


@pytest.fixture
def decoded(monkeypatch):
    """Formats of compressed frames that were decoded."""
    made = []
    decode = frames.compressed_frame

    def counted(form, *given):
        made.append(form)
        return decode(form, *given)

    monkeypatch.setattr(frames, "compressed_frame", counted)
    return made


def grey(answer) -> np.ndarray:
    assert answer.status_code == 200
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("L")).astype(int)


def test_another_window_needs_no_other_decoding(served, aksu, decoded):
    stored = served["693_J2KI.dcm"]
    shown = [grey(aksu.get(f"{stored.url}/rendered?window={centre},777")) for centre in (301, 302, 303, 901)]
    assert len(decoded) == 1
    assert np.abs(shown[0] - shown[3]).mean() > 5, "each window makes its own picture"


def test_a_picture_that_many_ask_for_is_made_once_and_is_the_same_for_all(served, monkeypatch):
    stored, made = served["CT_small.dcm"], []
    render = pictures.render_frame
    monkeypatch.setattr(pictures, "render_frame", lambda *a, **k: made.append(1) or render(*a, **k))

    def ask(_number: int) -> bytes:
        with served.client("technician") as client:
            return client.get(f"{stored.url}/frames/1/rendered?window=1234,567").content

    with ThreadPoolExecutor(6) as pool:
        answers = set(pool.map(ask, range(6)))
    assert len(made) == 1
    assert len(answers) == 1


def test_what_another_may_not_see_is_not_given_because_it_is_kept(served, kashi, aksu):
    address = f"{served['693_J2KI.dcm'].url}/frames/1/rendered?window=300,400"
    assert aksu.get(address).status_code == 200
    assert kashi.get(address).status_code == 404


def test_pictures_may_be_kept_for_ever_and_are_asked_for_by_their_tag(served, kashi):
    address = f"{served['CT_small.dcm'].url}/frames/1/rendered"
    first = kashi.get(address)
    assert "immutable" in first.headers["cache-control"]
    tag = first.headers["etag"]
    assert not tag.startswith("W/")
    again = kashi.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert kashi.get(f"{address}?window=1,2").headers["etag"] != tag
