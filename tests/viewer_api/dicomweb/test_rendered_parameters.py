"""What may be asked of pictures beside their size: words, colours, several in one answer, moving ones."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms
from pydicom.data import get_testdata_file
from served import Stored, as_file, parts_of

from storage.ingest import Sender, ingest_file


def image(answer):
    assert answer.status_code == 200, answer.text[:300]
    return Image.open(io.BytesIO(answer.content))


def shown(answer):
    return np.asarray(image(answer)).astype(int)


@pytest.fixture(scope="module")
def uneven(served):
    """Pixels twice as high as wide, of a patient with a Chinese name."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = (
        "2.25.80",
        "2.25.81",
        "2.25.82",
    )
    dataset.SpecificCharacterSet, dataset.PatientID = "ISO_IR 192", "U_1"
    dataset.PatientName, dataset.PixelSpacing = "Wang^XiaoDong=王^小东", [2, 1]
    data = as_file(dataset)
    return Stored(ingest_file(served.archive, data, Sender("AKSU", "TEST")), data)


def test_words_are_written_into_the_corners(served, aksu, uneven):
    url = f"{uneven.url}/rendered?accept=image/png&viewport=400,400"
    plain, both = shown(aksu.get(url)), shown(aksu.get(f"{url}&annotation=patient,technique"))
    patient, technique = (shown(aksu.get(f"{url}&annotation={word}")) for word in ("patient", "technique"))
    changed = [np.argwhere(plain != other) for other in (patient, technique)]
    assert changed[0][:, 0].max() < plain.shape[0] / 2 < changed[1][:, 0].min()
    assert len(np.argwhere(plain != both)) == len(changed[0]) + len(changed[1])
    assert both.max() == 255
    assert np.array_equal(shown(aksu.get(f"{url}&annotation=ruler")), plain)


def test_names_are_written_in_their_own_script(served, aksu, uneven):
    url = f"{uneven.url}/rendered?accept=image/png&viewport=400,400&annotation=patient"
    named = shown(aksu.get(url))
    unnamed = pydicom.dcmread(io.BytesIO(uneven.original))
    unnamed.PatientName, unnamed.SOPInstanceUID = "Wang^XiaoDong", "2.25.83"
    other = ingest_file(served.archive, as_file(unnamed), Sender("AKSU", "TEST"))
    assert other.study_instance_uid == "2.25.80"
    without = shown(aksu.get(url.replace("2.25.82", "2.25.83")))
    assert 50 < np.count_nonzero(named != without) < 3000


def test_a_part_of_an_image_with_uneven_pixels(aksu, uneven):
    url = f"{uneven.url}/rendered?accept=image/png"
    assert image(aksu.get(f"{url}&viewport=100,100")).size == (50, 100)
    assert image(aksu.get(f"{url}&viewport=100,100,0,0,64,64")).size == (50, 100)
    assert image(aksu.get(f"{url}&viewport=100,100,0,0,128,32")).size == (100, 50)
    turned, straight = (shown(aksu.get(f"{url}&viewport=64,64,0,0,32,{rows}")) for rows in (-16, 16))
    assert np.abs(turned[::-1] - straight).max() <= 1


@pytest.mark.parametrize("space", ["srgb", "adobergb", "rommrgb", "displayp3", "yes"])
@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_colours_with_a_profile(served, kashi, space, kind):
    address = f"{served['examples_palette.dcm'].url}/rendered?accept=image/{kind}"
    made = image(kashi.get(f"{address}&iccprofile={space}&viewport=300,300,0,0,100,100"))
    assert ImageCms.getProfileName(ImageCms.ImageCmsProfile(io.BytesIO(made.info["icc_profile"])))
    assert "icc_profile" not in image(kashi.get(f"{address}&iccprofile=no")).info


def test_a_profile_that_nobody_knows(served, kashi):
    answer = kashi.get(f"{served['examples_palette.dcm'].url}/rendered?iccprofile=cmyk")
    assert (answer.status_code, answer.json()["parameter"]) == (400, "iccprofile")


@pytest.mark.parametrize("kind", ["gif", "apng"])
def test_frames_as_a_moving_picture(served, kashi, kind):
    url = served["emri_small_RLE.dcm"].url
    moving = image(kashi.get(f"{url}/rendered?accept=image/{kind}&viewport=64,64"))
    assert (moving.n_frames, moving.size) == (10, (64, 64))
    for number in (1, 4):
        moving.seek(number - 1)
        still = shown(kashi.get(f"{url}/frames/{number}/rendered?accept=image/png&viewport=64,64"))
        assert np.abs(np.asarray(moving.convert("L")).astype(int) - still).max() <= (
            0 if kind == "apng" else 1
        )
    chosen = image(kashi.get(f"{url}/frames/3,1,3/rendered", headers={"Accept": f"image/{kind}"}))
    assert chosen.n_frames == 3


def test_a_series_as_a_moving_picture(served, kashi):
    moving = image(kashi.get(f"{served['slice 1'].series}/rendered?accept=image/gif&window=-700,1000"))
    greys = []
    for number in range(moving.n_frames):
        moving.seek(number)
        greys.append(float(np.asarray(moving.convert("L")).mean()))
    assert len(greys) == 5
    assert greys == sorted(greys)


def test_a_moving_picture_must_be_asked_for_by_name(served, kashi):
    url = f"{served['emri_small_RLE.dcm'].url}/rendered"
    browser = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
    assert image(kashi.get(url, headers={"Accept": browser})).format == "WEBP"
    assert image(kashi.get(url, headers={"Accept": "image/*"})).format == "JPEG"
    assert (
        image(kashi.get(url, headers={"Accept": "image/*, image/jpeg;q=0, image/webp;q=0.1"})).format == "PNG"
    )
    assert kashi.get(f"{url}?accept=image/gif&viewport=8192,8192").json()["code"] == "TOO_LARGE"


def test_pictures_in_parts(served, kashi):
    accept = {"Accept": 'multipart/related; type="image/png"'}
    stored = served["emri_small_RLE.dcm"]
    single = [kashi.get(f"{stored.url}/frames/{n}/rendered?accept=image/png").content for n in range(1, 11)]
    for path, numbers in {"rendered": range(1, 11), "frames/2,2,9/rendered": (2, 2, 9)}.items():
        parts = parts_of(kashi.get(f"{stored.url}/{path}", headers=accept))
        assert parts == [("image/png", single[number - 1]) for number in numbers]
    slices = parts_of(kashi.get(f"{served['slice 1'].study}/rendered", headers=accept))
    assert slices[2][1] == kashi.get(f"{served['slice 3'].url}/rendered?accept=image/png").content
    assert len(slices) == 5
    refused = kashi.get(f"{served['rtplan.dcm'].study}/rendered", headers=accept)
    assert refused.json()["code"] == "NOT_RENDERABLE"
    assert kashi.get(f"{stored.url}/frames/1,11/rendered", headers=accept).status_code == 404


def test_a_thumbnail_shows_what_the_object_names_as_representative(served, aksu):
    dataset = pydicom.dcmread(get_testdata_file("emri_small_RLE.dcm"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = (
        "2.25.90",
        "2.25.91",
        "2.25.92",
    )
    dataset.PatientID, dataset.RepresentativeFrameNumber = "R_1", 8
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    out = io.BytesIO()
    dataset.save_as(out)
    ingest_file(served.archive, out.getvalue(), Sender("AKSU", "TEST"))
    url = "/studies/2.25.90/series/2.25.91/instances/2.25.92"
    expected = aksu.get(f"{url}/frames/8/thumbnail").content
    assert aksu.get(f"{url}/thumbnail").content == expected
    assert aksu.get("/studies/2.25.90/thumbnail").content == expected
    localizer = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    localizer.StudyInstanceUID, localizer.SeriesInstanceUID, localizer.SOPInstanceUID = (
        "2.25.90",
        "2.25.93",
        "2.25.94",
    )
    localizer.PatientID, localizer.SeriesNumber = "R_1", 0
    ingest_file(served.archive, as_file(localizer), Sender("AKSU", "TEST"))
    assert aksu.get("/studies/2.25.90/thumbnail").content == expected
