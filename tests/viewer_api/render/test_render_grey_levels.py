"""Which modality and VOI transform holds, where padding goes, and what turns grey round."""

from __future__ import annotations

import numpy as np
import pytest
from file_frames import colour_header, decoded, image_header, shown
from pydicom import Dataset
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import ExplicitVRLittleEndian, XRayAngiographicImageStorage

from storage.errors import Invalid
from viewer_api.render import RenderOptions, Window, display_values, modality_values, render_frame

VALUES = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def table(
    descriptor: list[int], entries: np.ndarray, *, as_bytes: bool = False, **attributes: object
) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = descriptor
    item.LUTData = entries.astype("<u2").tobytes() if as_bytes else entries.tolist()
    item["LUTData"].VR = "OW" if as_bytes else "US"
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def item(**attributes: object) -> Dataset:
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("first", [0, 100])
def test_modality_table(as_bytes: bool, first: int) -> None:
    entries = np.random.default_rng(3).integers(0, 4096, 512)
    header = image_header(64, 64, BitsStored=12, HighBit=11)
    header.ModalityLUTSequence = [table([512, first, 12], entries, as_bytes=as_bytes)]
    wanted = entries[np.clip(VALUES.astype(int) - first, 0, 511)]
    assert np.array_equal(modality_values(header, VALUES, frame_number=1), wanted)


@pytest.mark.parametrize(
    ("slope", "intercept"), [("1", "-1024"), ("0.308015", "0"), ("-2", "7.5"), ("1", "0")]
)
def test_rescaled_values_are_pydicoms(slope: str, intercept: str) -> None:
    header = image_header(64, 64, RescaleSlope=slope, RescaleIntercept=intercept)
    ours = modality_values(header, VALUES, frame_number=1)
    assert np.allclose(ours, apply_modality_lut(VALUES, header), rtol=1e-6, atol=1e-3)
    assert ours.dtype != np.float64


def test_voi_table_beats_the_window() -> None:
    entries = np.sort(np.random.default_rng(4).integers(0, 1024, 4096))
    header = image_header(64, 64, BitsStored=12, HighBit=11, WindowCenter="5", WindowWidth="2")
    header.VOILUTSequence = [table([4096, 0, 10], entries)]
    wanted = entries[VALUES] * 255 / 1023
    assert np.abs(shown(header, VALUES) - wanted).max() <= 0.5
    picture = render_frame(
        header, VALUES.tobytes(), transfer_syntax_uid=ExplicitVRLittleEndian, frame_number=1
    )
    assert picture.window is None


def test_asked_window_beats_the_voi_table() -> None:
    header = image_header(64, 64, BitsStored=12, HighBit=11)
    header.VOILUTSequence = [table([2, 0, 8], np.array([0, 255]))]
    options = RenderOptions(window=Window(2048, 4096))
    assert shown(header, VALUES, options)[32, 0] == 128


def test_voi_table_after_a_rescale_below_zero() -> None:
    """The first mapped value is as signed as its input, the rescaled values (PS3.3 C.11.2.1.1)."""
    header = image_header(1, 3, RescaleSlope="1", RescaleIntercept="-1000", BitsStored=12, HighBit=11)
    header.VOILUTSequence = [table([2, 65536 - 500, 8], np.array([10, 200]))]
    assert shown(header, np.array([[0, 500, 501]], np.uint16)).tolist() == [[10, 10, 200]]


def test_first_of_several_windows() -> None:
    header = image_header(64, 64, WindowCenter=["1000", "10"], WindowWidth=["2000", "1"])
    picture = render_frame(
        header, VALUES.tobytes(), transfer_syntax_uid=ExplicitVRLittleEndian, frame_number=1
    )
    assert picture.window == Window(1000, 2000)


def test_narrow_window_without_a_function() -> None:
    header = image_header(1, 1, WindowCenter="0.5", WindowWidth="0.25")
    picture = render_frame(header, b"\0\0", transfer_syntax_uid=ExplicitVRLittleEndian, frame_number=1)
    assert picture.window == Window(0.5, 0.25, "LINEAR_EXACT")


@pytest.mark.parametrize(
    ("photometric_interpretation", "shape", "turned"),
    [
        ("MONOCHROME2", None, False),
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", None, True),
        ("MONOCHROME1", "INVERSE", True),
    ],
)
@pytest.mark.parametrize("invert", [False, True])
def test_what_turns_grey_round(
    photometric_interpretation: str, shape: str | None, turned: bool, invert: bool
) -> None:
    header = image_header(1, 2, PhotometricInterpretation=photometric_interpretation, Modality="CR")
    if shape:
        header.PresentationLUTShape = shape
    grey = shown(header, np.array([[3, 9]], np.uint16), RenderOptions(invert=invert))
    assert grey.tolist() == ([[255, 0]] if turned != invert else [[0, 255]])


def test_inverted_colour() -> None:
    header = colour_header(1, 1)
    assert shown(header, np.array([0, 100, 255], np.uint8), RenderOptions(invert=True)).tolist() == [
        [[255, 155, 0]]
    ]


def test_windows_mean_nothing_in_colour() -> None:
    header = colour_header(1, 1, WindowCenter="1", WindowWidth="1")
    options = RenderOptions(window=Window(10, 2))
    assert shown(header, np.array([0, 100, 255], np.uint8), options).tolist() == [[[0, 100, 255]]]
    picture = render_frame(
        header, b"\0\1\2", transfer_syntax_uid=ExplicitVRLittleEndian, frame_number=1, options=options
    )
    assert picture.window is None


def enhanced() -> Dataset:
    header = image_header(1, 3, NumberOfFrames=2, RescaleSlope="99", WindowCenter="1", WindowWidth="1")
    header.SharedFunctionalGroupsSequence = [
        item(PixelValueTransformationSequence=[item(RescaleSlope="2", RescaleIntercept="10")])
    ]
    header.PerFrameFunctionalGroupsSequence = [
        item(FrameVOILUTSequence=[item(WindowCenter="20", WindowWidth="21")]),
        item(
            FrameVOILUTSequence=[item(WindowCenter="100", WindowWidth="201", VOILUTFunction="LINEAR_EXACT")],
            PixelValueTransformationSequence=[item(RescaleSlope="1", RescaleIntercept="0")],
        ),
    ]
    return header


def test_frames_have_their_own_transforms() -> None:
    header, values = enhanced(), np.array([[0, 5, 10]], np.uint16)
    assert modality_values(header, values, frame_number=1).tolist() == [[10, 20, 30]]
    assert modality_values(header, values, frame_number=2).tolist() == [[0, 5, 10]]
    assert display_values(header, values, frame_number=1).tolist() == [[6, 134, 255]]
    told = {"transfer_syntax_uid": ExplicitVRLittleEndian, "frame_number": 2}
    assert render_frame(header, values.tobytes(), **told).window == Window(100, 201, "LINEAR_EXACT")


def test_frame_without_an_item_of_its_own() -> None:
    with pytest.raises(Invalid) as caught:
        display_values(enhanced(), np.zeros((1, 3), np.uint16), frame_number=3)
    assert caught.value.message == "(5200,9230) PerFrameFunctionalGroupsSequence has no item for frame 3"


@pytest.mark.parametrize("photometric_interpretation", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("invert", [False, True])
def test_padding_is_black_and_counts_for_nothing(photometric_interpretation: str, invert: bool) -> None:
    header = image_header(
        1,
        4,
        PhotometricInterpretation=photometric_interpretation,
        PixelRepresentation=1,
        PixelPaddingValue=-2000,
        PixelPaddingRangeLimit=-1990,
        Modality="CT",
        RescaleIntercept="-1024",
    )
    grey = shown(header, np.array([[-2000, -1990, 0, 100]], np.int16), RenderOptions(invert=invert))
    turned = (photometric_interpretation == "MONOCHROME1") != invert
    assert grey.tolist() == [[0, 0, 255, 0]] if turned else [[0, 0, 0, 255]]


def test_padding_value_written_without_its_sign() -> None:
    header = image_header(1, 3, PixelRepresentation=1, Modality="CT")
    header.add_new("PixelPaddingValue", "US", 63536)
    assert shown(header, np.array([[-2000, 0, 100]], np.int16)).tolist() == [[0, 0, 255]]


def test_frame_of_padding_alone_is_black() -> None:
    header = image_header(1, 2, PixelPaddingValue=7, PhotometricInterpretation="MONOCHROME1", Modality="MG")
    assert shown(header, np.array([[7, 7]], np.uint16)).tolist() == [[0, 0]]


def test_sole_value_beside_padding_is_seen() -> None:
    header = image_header(1, 2, PixelPaddingValue=0, Modality="MG")
    assert shown(header, np.array([[0, 9]], np.uint16)).tolist() == [[0, 255]]


def test_padding_of_floating_point_pixels() -> None:
    header = image_header(1, 3, BitsAllocated=32, PixelRepresentation=None, FloatPixelPaddingValue=-1.0)
    del header.PixelRepresentation
    assert shown(header, np.array([[-1, 0.5, 0.75]], "<f4")).tolist() == [[0, 0, 255]]


def test_labels_stay_apart_from_background() -> None:
    header = image_header(1, 3, BitsAllocated=8, Modality="SEG")
    assert shown(header, np.array([[3, 3, 3]], np.uint8)).tolist() == [[255, 255, 255]]
    assert shown(header, np.array([[0, 1, 2]], np.uint8)).tolist() == [[0, 128, 255]]


def test_angiography_table_is_for_measuring_alone() -> None:
    """PS3.3 C.8.7.1.1.2: LOG pixels are shown as they are, their modality LUT leads back to intensities."""
    header = image_header(1, 2, SOPClassUID=XRayAngiographicImageStorage, PixelIntensityRelationship="LOG")
    header.ModalityLUTSequence = [table([2, 0, 8], np.array([200, 100]))]
    values = np.array([[0, 1]], np.uint16)
    assert shown(header, values).tolist() == [[0, 255]]
    assert modality_values(header, values, frame_number=1).tolist() == [[200, 100]]
    header.PixelIntensityRelationship = "LIN"
    assert shown(header, values).tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"RescaleSlope": "0"}, "(0028,1053) RescaleSlope is 0"),
        (
            {"ModalityLUTSequence": [Dataset()]},
            "(0028,3002) LUTDescriptor is missing or has not three values",
        ),
        ({"VOILUTSequence": [item(LUTDescriptor=[4, 0, 8])]}, "(0028,3006) LUTData is missing"),
        (
            {"VOILUTSequence": [table([2, 0, 40], np.zeros(2, int))]},
            "(0028,3002) LUTDescriptor says 40 bits an entry",
        ),
    ],
)
def test_transform_that_cannot_be(attributes: dict[str, object], told: str) -> None:
    header = image_header(1, 1, **attributes)
    with pytest.raises(Invalid) as caught:
        shown(header, np.zeros((1, 1), np.uint16))
    assert caught.value.message == told


def test_decoded_frame_is_left_as_it_was() -> None:
    header = image_header(64, 64, PixelPaddingValue=5, WindowCenter="9", WindowWidth="9")
    stored = decoded(header, VALUES.tobytes())
    display_values(header, stored, frame_number=1)
    assert np.array_equal(stored, VALUES)
