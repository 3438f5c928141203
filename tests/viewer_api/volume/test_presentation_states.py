"""Planar MPR presentation states show what they say, where they say it."""

from __future__ import annotations

import numpy as np
import pytest
from phantom import Phantom, ingest, linear
from pydicom import Dataset
from test_rendered_mpr import numbers, pixels, places

PHANTOM = Phantom("presented")
RIGHT, DOWN = np.array([0.8, 0.6, 0.0]), np.array([0.0, 0.0, -1.0])
CORNER = np.array([-6.0, -126.0, -20.0])


def state(name: str, **attributes) -> Dataset:
    """A Grayscale Planar MPR Volumetric Presentation State of the phantom (PS3.3 A.80.1)."""
    source = Dataset()
    source.VolumetricPresentationInputSetUID = "2.25.9"
    source.PresentationInputType = "VOLUME"
    source.ReferencedImageSequence = [reference(each) for each in PHANTOM.slices()]
    item = Dataset()
    item.VolumetricPresentationInputSetUID, item.VolumetricPresentationInputNumber = "2.25.9", 1
    item.Crop, item.WindowCenter, item.WindowWidth, item.VOILUTFunction = "NO", 0, 800, "LINEAR_EXACT"
    dataset = Dataset()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.11.6"
    dataset.SOPInstanceUID = f"{PHANTOM.study}.9.{sum(name.encode())}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = PHANTOM.study, f"{PHANTOM.study}.9"
    dataset.Modality, dataset.PatientID, dataset.PatientName = "PR", "P1", "Phantom^Known"
    dataset.FrameOfReferenceUID = f"{PHANTOM.study}.2"
    dataset.PixelPresentation, dataset.GlobalCrop = "MONOCHROME", "NO"
    dataset.VolumetricPresentationInputSetSequence = [source]
    dataset.VolumetricPresentationStateInputSequence = [item]
    dataset.MultiPlanarReconstructionStyle, dataset.MPRThicknessType = "PLANAR", "THIN"
    dataset.MPRViewWidthDirection, dataset.MPRViewWidth = RIGHT.tolist(), 14.0
    dataset.MPRViewHeightDirection, dataset.MPRViewHeight = DOWN.tolist(), 21.0
    dataset.MPRTopLeftHandCorner = CORNER.tolist()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


@pytest.fixture(scope="module")
def shown(service, kashi):
    """Ingests a state and asks for it."""
    service.holds(PHANTOM)

    def show(name: str, resource: str = "renderedmpr", query: str = "", **attributes):
        dataset = state(name, **attributes)
        ingest(service.archive, [dataset])
        path = (
            f"/studies/{PHANTOM.study}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
        )
        return kashi.get(f"{path}/{resource}{query}", headers={"Accept": "image/png"})

    return show


def test_the_rectangle_and_the_window_are_the_states(shown):
    answer = shown("plain")
    grey = pixels(answer)
    spacing = numbers(answer, "pixel-spacing")[0]
    assert grey.shape == (30, 20)
    assert numbers(answer, "image-orientation") == pytest.approx([*RIGHT, *DOWN])
    assert numbers(answer, "image-position") == pytest.approx(CORNER + spacing / 2 * (RIGHT + DOWN), abs=1e-4)
    values = linear(places(answer, grey.shape))
    assert np.abs(grey - np.clip((values + 400) / (800 / 255), 0, 255)).max() < 0.6
    assert np.ptp(values) > 40


def test_a_slab_and_inverse_grey(shown):
    plain = pixels(shown("plain"))
    slab = pixels(shown("slab", MPRThicknessType="SLAB", MPRSlabThickness=4.0, RenderingMethod="MAXIMUM_IP"))
    assert (slab > plain).mean() > 0.9
    assert pixels(shown("inverse", PresentationLUTShape="INVERSE")) == pytest.approx(255 - plain, abs=1)


def test_a_view_of_the_callers_own(shown):
    answer = shown("plain", query="?orientation=f&window=0,1000,linear-exact")
    assert tuple(numbers(answer, "image-orientation")) == (1, 0, 0, 0, 1, 0)
    assert answer.headers["farlight-window"] == "0,1000,linear-exact"


REFUSED = {
    "cropped": {"GlobalCrop": "YES"},
    "colour": {"PixelPresentation": "TRUE_COLOR"},
    "volume rendered": {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.9"},
    "3-D of a plane": {"resource": "rendered3d"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_not_be_what_its_author_saw_is_refused(shown, name):
    answer = shown(name, **REFUSED[name])
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_RENDERABLE")


@pytest.mark.parametrize(
    "parameter", ["mprslab=5", "renderingmethod=average_ip", "renderedvolumetricmetadata=yes"]
)
def test_parameters_that_a_state_excludes(shown, parameter):
    query = f"?{parameter}&accept=image/png,application/dicom%2Bjson"
    assert shown("plain", query=query).status_code == 400
