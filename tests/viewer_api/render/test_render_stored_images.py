"""Overlays and profiles of stored instances: what the index keeps apart comes back into the picture."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from file_frames import opened
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom_images import image_paths, taken_apart

from storage.archive import Archive
from storage.ingest import Sender, ingest_file
from storage.retrieve import instances
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.dicomweb.pictures import picture
from viewer_api.render import RenderOptions
from viewer_api.render.icc import well_known_profile

PNG = RenderOptions(media_type="image/png")


@pytest.fixture
def shown(archive: Archive) -> Callable[..., np.ndarray]:
    """A file taken in, and the picture of its first frame."""

    def show(data: bytes, options: RenderOptions = PNG) -> np.ndarray:
        ingest_file(archive, data, Sender("KASHI", "test"))
        with archive.database.read() as connection:
            found = instances(connection)[-1]
        return np.asarray(opened(picture(archive, found, 1, Rendering(options)).content))

    return show


@pytest.mark.parametrize("name", ["examples_overlay.dcm", "MR-SIEMENS-DICOM-WithOverlays.dcm"])
def test_overlays_of_a_stored_image(shown: Callable[..., np.ndarray], name: str) -> None:
    path = next(each for each in image_paths() if each.name == name)
    whole = opened(taken_apart(path).picture(options=PNG).content)
    bare = taken_apart(path).picture(options=RenderOptions(media_type="image/png", overlays=False))
    stored = shown(path.read_bytes())
    assert np.array_equal(stored, np.asarray(whole))
    assert (stored != np.asarray(opened(bare.content))).any()


@pytest.mark.parametrize("of_a_slide", [False, True])
def test_profile_of_a_stored_image(shown: Callable[..., np.ndarray], of_a_slide: bool) -> None:
    dataset = dcmread(get_testdata_file("SC_rgb.dcm"))
    holder: Dataset = dataset
    if of_a_slide:
        holder = Dataset()
        dataset.OpticalPathSequence = [holder]
    holder.ICCProfile = well_known_profile("adobergb")
    out = io.BytesIO()
    dataset.save_as(out)
    left = RenderOptions(media_type="image/png", icc_profile="no")
    as_stored = shown(out.getvalue(), left)
    assert np.array_equal(as_stored, dataset.pixel_array)
    assert (shown(out.getvalue()) != as_stored).any()
