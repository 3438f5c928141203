"""ECGs on their paper: 25 mm a second, 10 mm a millivolt, twelve leads in their order; other waveforms by channel."""

from __future__ import annotations

import io
import re

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from special_objects import item

from storage.errors import Invalid
from viewer_api.render.waveform import waveform_group
from viewer_api.render.waveform_layout import ecg_sheet, is_ecg
from viewer_api.render.waveform_sheet import thinned

SVG = {"Accept": "image/svg+xml"}


@pytest.fixture(scope="module")
def ecg():
    return pydicom.dcmread(get_testdata_file("waveform_ecg.dcm"))


def test_samples_are_in_their_units(ecg):
    group = waveform_group(ecg, 1)
    theirs = ecg.waveform_array(0)
    assert [channel.lead for channel in group.channels] == [
        *("I", "II", "III", "aVR", "aVL", "aVF"),
        *("V1", "V2", "V3", "V4", "V5", "V6"),
    ]
    for index, channel in enumerate(group.channels):
        assert np.allclose(channel.samples, theirs[:, index])
        assert np.allclose(channel.millivolts, theirs[:, index] / 1000, atol=1e-6)


def test_an_ecg_has_the_scale_of_its_paper(ecg):
    group = waveform_group(ecg, 1)
    sheet = ecg_sheet(group, [])
    assert is_ecg(group)
    pulse, first = sheet.traces[0].points, sheet.traces[1].points
    assert np.ptp(pulse[:, 1]) == pytest.approx(10), "a millivolt"
    assert pulse[3, 0] - pulse[2, 0] == pytest.approx(5), "for 0.2 s"
    assert np.ptp(first[:, 0]) == pytest.approx(62.5, abs=0.1), "2.5 s"
    assert np.ptp(first[:, 1]) == pytest.approx(np.ptp(group.channels[0].samples[:2500]) / 100, rel=0.01)


def test_leads_stand_where_they_are_looked_for(special, viewer):
    answer = viewer.get(f"{special['ecg'].url}/rendered", headers=SVG)
    assert answer.headers["content-type"] == "image/svg+xml"
    places = {}
    for x, y, word in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]+)</text>', answer.text):
        places.setdefault(word, (float(x), float(y)))
    rows = [["I", "aVR", "V1", "V4"], ["II", "aVL", "V2", "V5"], ["III", "aVF", "V3", "V6"]]
    assert all(len({places[lead][1] for lead in row}) == 1 for row in rows)
    assert all(sorted(row, key=lambda lead: places[lead][0]) == row for row in rows)
    assert any("25 mm/s" in word and "10 mm/mV" in word for word in places)
    assert "RITMO SINUSALE" in places
    assert "QTc Interval  370 ms" in places


def test_a_picture_is_paper_ink_and_grid(special, viewer):
    answer = viewer.get(f"{special['ecg'].url}/rendered?accept=image/png")
    seen = np.asarray(Image.open(io.BytesIO(answer.content))).astype(int)
    assert seen.shape[1] == 270 * 5
    assert (seen.sum(axis=2) < 200).mean() > 0.003, "ink"
    assert ((seen[..., 0] - seen[..., 1]) > 15).mean() > 0.05, "the grid is red"
    small = Image.open(io.BytesIO(viewer.get(f"{special['ecg'].url}/thumbnail").content))
    assert max(small.size) == 256


def test_groups_are_frames_and_time_goes_on(special, viewer):
    url = special["ecg"].url
    beat = viewer.get(f"{url}/frames/2/rendered", headers=SVG).text
    assert "MEDIAN BEAT" in beat
    later = viewer.get(f"{url}/rendered?start=4", headers=SVG).text
    assert "4-10 s / 10 s" in later
    for path in ("/frames/3/rendered", "/rendered?start=10", "/rendered?start=nan", "/rendered?start=-1"):
        assert viewer.get(url + path).status_code == 400


def test_other_waveforms_show_their_range(special, viewer):
    text = viewer.get(f"{special['pressures'].url}/rendered", headers=SVG).text
    assert "Aorta [mm[Hg]]" in text
    assert "Vena &lt;cava&gt;" in text
    assert ">204.9<" in text, "0.1 x 1999 + 5"
    assert text.count("<polyline") == 2, "the second channel ends where its padding begins"
    assert viewer.get(f"{special['pressures'].url}/rendered").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("kind", "data", "values"),
    [
        ("SB", b"\x01\xff", [1, -1]),
        ("UB", b"\x01\xff", [1, 255]),
        ("US", b"\x01\x00\xff\xff", [1, 65535]),
        ("SL", b"\xfe\xff\xff\xff\x02\x00\x00\x00", [-2, 2]),
        ("MB", b"\xff\x80\x00", [0, 8031, -8031]),
        ("AB", b"\xd5\xaa\x2a", [1, 4032, -4032]),
    ],
)
def test_every_kind_of_sample(kind, data, values):
    group = item(
        SamplingFrequency="1",
        NumberOfWaveformChannels=1,
        WaveformSampleInterpretation=kind,
        WaveformData=data,
    )
    (channel,) = waveform_group(item(WaveformSequence=[group]), 1).channels
    assert channel.samples.tolist() == values


@pytest.mark.parametrize(
    "change",
    [{"SamplingFrequency": "0"}, {"NumberOfWaveformChannels": 0}, {"WaveformSampleInterpretation": "XX"}],
)
def test_what_cannot_be_read_says_so(change):
    sound = {"SamplingFrequency": "1", "NumberOfWaveformChannels": 1, "WaveformSampleInterpretation": "SB"}
    group = item(WaveformData=b"\1\2", **(sound | change))
    with pytest.raises(Invalid):
        waveform_group(item(WaveformSequence=[group]), 1)


def test_no_peak_is_lost():
    samples = np.zeros(1_000_000, np.float32)
    samples[123_456], samples[654_321] = 5, -7
    places, values = thinned(samples)
    assert len(values) <= 5000
    assert places[values.argmax()] == pytest.approx(0.123456, abs=0.001)
    assert places[values.argmin()] == pytest.approx(0.654321, abs=0.001)
