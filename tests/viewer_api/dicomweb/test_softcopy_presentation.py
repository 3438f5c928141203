"""Images under a presentation state: values as DCMTK has them, shutters, areas, turns, annotations in their place."""

from __future__ import annotations

import io
import subprocess

import numpy as np
import pydicom
import pytest
from PIL import Image
from running import tool
from special_objects import SIDE, as_file, cielab, item, presentation_state, slice_, slice_uid

from storage.errors import Invalid
from viewer_api.render import RenderOptions, Window
from viewer_api.render.cielab import rgb_of_cielab
from viewer_api.render.presentation_area import displayed_area
from viewer_api.render.presentation_picture import presented_frame
from viewer_api.render.presentation_state import Target

PNG = RenderOptions(media_type="image/png")
YELLOW = [65535, 30000, 60000]


def shown(state, image=None, options=PNG, target=None):
    """Pixels of slice 2 under a state."""
    image = image or slice_(2)
    target = target or Target(image.SOPInstanceUID)
    made = presented_frame(state, image, image.pixel_array, target, options)
    return np.asarray(Image.open(io.BytesIO(made.content)))


def table(outputs, bits=8):
    return item(LUTDescriptor=[len(outputs), 0, bits], LUTData=np.array(outputs, "<u2").tobytes())


def with_luts():
    """A modality, a VOI and a presentation LUT, each of its own size."""
    state = presentation_state()
    del state.RescaleIntercept, state.RescaleSlope, state.RescaleType
    state.ModalityLUTSequence = [table([(n * 7) % 4096 for n in range(2500)], 12)]
    state.ModalityLUTSequence[0].ModalityLUTType = "US"
    state.SoftcopyVOILUTSequence = [item(VOILUTSequence=[table([4095 - n for n in range(4096)], 12)])]
    state.PresentationLUTSequence = [table([(n * n) // 255 for n in range(256)])]
    del state.PresentationLUTShape
    return state


def inverse():
    state = presentation_state()
    state.PresentationLUTShape = "INVERSE"
    return state


def without_window():
    state = presentation_state()
    del state.SoftcopyVOILUTSequence
    return state


def with_shutter(**shutter):
    state = presentation_state()
    for keyword, value in shutter.items():
        setattr(state, keyword, value)
    return state


CIRCLE = {"ShutterShape": "CIRCULAR", "CenterOfCircularShutter": [60, 70], "RadiusOfCircularShutter": 30}
RECTANGLE = {
    "ShutterShape": "RECTANGULAR",
    "ShutterUpperHorizontalEdge": 20,
    "ShutterLowerHorizontalEdge": 100,
    "ShutterLeftVerticalEdge": 30,
    "ShutterRightVerticalEdge": 90,
}
POLYGON = {"ShutterShape": "POLYGONAL", "VerticesOfThePolygonalShutter": [10, 64, 110, 20, 110, 110]}


@pytest.mark.parametrize(
    ("make", "levels", "apart"),
    [
        (presentation_state, 100, 1),
        (inverse, 100, 1),
        (without_window, 9, 1),
        (
            with_luts,
            100,
            2,
        ),  # the last table climbs by two: rounding its index and cutting it off differ by that
    ],
)
def test_values_are_those_of_dcmtk(tmp_path, make, levels, apart):
    state, image = make(), slice_(2)
    image.PhotometricInterpretation = "MONOCHROME2"
    (tmp_path / "image.dcm").write_bytes(as_file(image))
    written = pydicom.dcmread(io.BytesIO(as_file(with_what_dcmtk_asks_for(state))))
    written.save_as(tmp_path / "state.dcm")
    command = [tool("dcmp2pgm"), "-p", tmp_path / "state.dcm", tmp_path / "image.dcm", tmp_path / "out.pgm"]
    subprocess.run(command, check=True, capture_output=True)
    theirs = np.asarray(Image.open(tmp_path / "out.pgm")).astype(int)
    assert np.abs(shown(state).astype(int) - theirs).max() <= apart
    assert len(np.unique(theirs)) >= levels


def with_what_dcmtk_asks_for(state):
    state.SeriesNumber = state.InstanceNumber = "1"
    state.StudyID, state.AccessionNumber, state.ReferringPhysicianName = "", "", ""
    state.StudyDate = state.StudyTime = state.PatientBirthDate = state.PatientSex = state.Manufacturer = ""
    state.ContentLabel, state.ContentDescription, state.ContentCreatorName = "TEST", "", ""
    state.PresentationCreationDate, state.PresentationCreationTime = "20240103", "120000"
    return state


@pytest.mark.parametrize(
    ("shutter", "open_at", "closed_at"),
    [
        (CIRCLE, [(59, 69), (59, 99), (30, 69)], [(59, 100), (28, 69), (0, 0)]),
        (RECTANGLE, [(19, 29), (99, 89)], [(18, 29), (19, 28), (100, 89), (99, 90)]),
        (POLYGON, [(60, 63), (109, 20)], [(5, 63), (20, 20), (115, 60)]),
        (
            {**CIRCLE, **RECTANGLE, "ShutterShape": ["CIRCULAR", "RECTANGULAR"]},
            [(59, 69)],
            [(59, 95), (95, 35)],
        ),
    ],
)
def test_a_shutter_covers_what_is_outside(shutter, open_at, closed_at):
    plain = shown(presentation_state())
    seen = shown(with_shutter(**shutter, ShutterPresentationValue=65535))
    assert all(seen[place] == plain[place] for place in open_at)
    assert all(seen[place] == 255 for place in closed_at)


def test_a_bitmap_shutter_and_an_overlay_in_its_layers_colour():
    state = with_shutter(ShutterShape="BITMAP", ShutterOverlayGroup=0x6000)
    bits = np.zeros((SIDE, SIDE), np.uint8)
    bits[:10] = 1
    _add_plane(state, 0x6000, bits)
    assert (shown(state)[:10] == 0).all()
    assert np.array_equal(shown(state)[10:], shown(presentation_state())[10:])
    layer = item(GraphicLayer="L", GraphicLayerOrder=1, GraphicLayerRecommendedDisplayCIELabValue=YELLOW)
    state.GraphicLayerSequence = [layer]
    _add_plane(state, 0x6002, bits[::-1])
    assert shown(state).ndim == 2, "it is not switched on"
    state.add_new((0x6002, 0x1001), "CS", "L")
    assert (shown(state)[-10:] == rgb_of_cielab(tuple(YELLOW))).all()


def _add_plane(state, group, bits):
    state.add_new((group, 0x0010), "US", SIDE)
    state.add_new((group, 0x0011), "US", SIDE)
    state.add_new((group, 0x0040), "CS", "G")
    state.add_new((group, 0x0050), "SS", [1, 1])
    state.add_new((group, 0x0100), "US", 1)
    state.add_new((group, 0x0102), "US", 0)
    state.add_new((group, 0x3000), "OW", np.packbits(bits, bitorder="little").tobytes())


@pytest.mark.parametrize(
    ("rotation", "flip", "turn"),
    [
        (0, "N", lambda pixels: pixels),
        (90, "N", lambda pixels: np.rot90(pixels, -1)),
        (180, "N", lambda pixels: np.rot90(pixels, 2)),
        (270, "Y", lambda pixels: np.rot90(pixels, 1)[:, ::-1]),
        (0, "Y", lambda pixels: pixels[:, ::-1]),
    ],
)
def test_the_displayed_area_is_cut_out_and_turned(rotation, flip, turn):
    state = presentation_state()
    state.ImageRotation, state.ImageHorizontalFlip = rotation, flip
    item_ = state.DisplayedAreaSelectionSequence[0]
    item_.DisplayedAreaTopLeftHandCorner = [11, 21]
    item_.DisplayedAreaBottomRightHandCorner = [70, 120]
    assert np.array_equal(shown(state), turn(shown(presentation_state())[20:120, 10:70]))
    area = displayed_area(state, Target(slice_uid(2)), (SIDE, SIDE), None)
    marked = np.zeros((100, 60), np.uint8)
    marked[30, 5] = 1
    row, column = np.argwhere(turn(marked))[0]
    assert area.place(15.5, 50.5) == (column + 0.5, row + 0.5)


def test_an_area_beyond_the_image_is_black_there_and_uneven_pixels_are_stretched():
    state = presentation_state()
    item_ = state.DisplayedAreaSelectionSequence[0]
    item_.DisplayedAreaTopLeftHandCorner, item_.DisplayedAreaBottomRightHandCorner = [-19, 1], [SIDE, SIDE]
    assert (shown(state)[:, :20] == 0).all()
    item_.PresentationPixelAspectRatio = [2, 1]
    assert shown(state).shape == (256, 148)
    item_.PresentationSizeMode, item_.PresentationPixelMagnificationRatio = "MAGNIFY", 2.0
    assert shown(state).shape == (512, 296)
    fitted = RenderOptions(media_type="image/png", viewport=(100, 100))
    assert shown(state, options=fitted).shape == (100, 58)
    item_.DisplayedAreaBottomRightHandCorner = [2**31 - 1, 2**31 - 1]
    assert max(shown(state, options=fitted).shape) == 100


def annotated(*objects, texts=(), layer=None):
    state = presentation_state()
    colour = YELLOW if layer is None else layer
    state.GraphicLayerSequence = [
        item(GraphicLayer="L", GraphicLayerOrder=1, GraphicLayerRecommendedDisplayCIELabValue=colour)
    ]
    state.GraphicAnnotationSequence = [
        item(GraphicLayer="L", GraphicObjectSequence=list(objects), TextObjectSequence=list(texts))
    ]
    return state


def graphic(kind, data, units="PIXEL", **more):
    return item(GraphicAnnotationUnits=units, GraphicType=kind, GraphicData=data, **more)


def coloured(state, options=PNG):
    """Where a picture is not grey, rows and columns."""
    pixels = shown(state, options=options)
    return np.argwhere(np.ptp(pixels.astype(int), axis=2) > 60) if pixels.ndim == 3 else np.empty((0, 2), int)


@pytest.mark.parametrize(
    ("what", "box"),
    [
        (graphic("POLYLINE", [10, 20, 50, 20, 50, 90]), (20, 10, 90, 50)),
        (graphic("CIRCLE", [60, 50, 60, 80]), (20, 30, 80, 90)),
        (graphic("ELLIPSE", [20, 50, 100, 50, 60, 40, 60, 60]), (40, 20, 60, 100)),
        (graphic("POINT", [64, 32]), (29, 61, 35, 67)),
        (graphic("INTERPOLATED", [10, 20, 50, 20, 90, 20]), (20, 10, 20, 90)),
        (graphic("POLYLINE", [0.25, 0.5, 0.75, 0.5], "DISPLAY"), (64, 32, 64, 96)),
    ],
)
def test_graphics_lie_where_they_are_told(what, box):
    places = coloured(annotated(what))
    drawn = (*places.min(axis=0), *places.max(axis=0))
    assert np.abs(np.array(drawn) - box).max() <= 1.5


def test_filled_and_thick_and_turned_graphics():
    square = [20.0, 20, 60, 20, 60, 60, 20, 60, 20, 20]
    outline = len(coloured(annotated(graphic("POLYLINE", square))))
    filled = annotated(graphic("POLYLINE", square, GraphicFilled="Y"))
    assert len(coloured(filled)) >= 39 * 39 > 4 * outline
    style = item(LineThickness=4.0, PatternOnColorCIELabValue=[30000, 60000, 60000])
    assert len(coloured(annotated(graphic("POLYLINE", square, LineStyleSequence=[style])))) > 2 * outline
    filled.ImageRotation = 90
    assert np.abs(coloured(filled).min(axis=0) - [20, SIDE - 60]).max() <= 1


def test_text_is_written_in_its_box_and_led_to_its_anchor():
    text = item(
        UnformattedTextValue="病灶 A\r\nمەركەز",
        BoundingBoxAnnotationUnits="PIXEL",
        BoundingBoxTopLeftHandCorner=[10.0, 10.0],
        BoundingBoxBottomRightHandCorner=[70.0, 50.0],
        BoundingBoxTextHorizontalJustification="LEFT",
        AnchorPoint=[100.0, 100.0],
        AnchorPointAnnotationUnits="PIXEL",
        AnchorPointVisibility="N",
    )
    words = coloured(annotated(texts=[text]))
    assert len(words) > 60
    assert (words.min(axis=0) >= 8).all()
    assert (words.max(axis=0) <= [52, 72]).all()
    text.AnchorPointVisibility = "Y"
    assert np.abs(coloured(annotated(texts=[text])).max(axis=0) - 100).max() <= 3


def test_items_are_for_the_images_that_they_name():
    state = annotated(graphic("POLYLINE", [10, 20, 50, 20]))
    state.GraphicAnnotationSequence[0].ReferencedImageSequence = [
        item(ReferencedSOPInstanceUID=slice_uid(1), ReferencedFrameNumber=1)
    ]
    assert len(coloured(state)) == 0


@pytest.mark.parametrize("rgb", [(255, 255, 255), (0, 0, 0), (255, 0, 0), (20, 200, 90), (128, 128, 128)])
def test_cielab_is_what_screens_show(rgb):
    """Against a colour management system."""
    assert np.abs(np.array(rgb_of_cielab(tuple(cielab(rgb)))) - rgb).max() <= 6


def test_a_window_that_is_asked_for_beats_the_states():
    options = RenderOptions(media_type="image/png", window=Window(0, 1))
    assert (shown(presentation_state(), options=options) == 255).all()


def test_what_blends_images_says_so():
    state = presentation_state()
    state.SOPClassUID = "1.2.840.10008.5.1.4.1.1.11.4"
    with pytest.raises(Invalid, match="blends"):
        shown(state)


def test_a_state_is_shown_by_its_images(special, viewer):
    def pixels(url):
        answer = viewer.get(url)
        assert answer.status_code == 200, answer.text
        return np.asarray(Image.open(io.BytesIO(answer.content)))

    state, query = special["state"], "accept=image/png"
    uid = f"presentationUID={state.receipt.sop_instance_uid}"
    whole = pixels(f"{state.url}/rendered?{query}")
    assert np.array_equal(whole, shown(presentation_state()))
    assert np.array_equal(pixels(f"{special['slice 2'].url}/rendered?{query}&{uid}"), whole)
    assert np.array_equal(pixels(f"{special['slice 2'].url}/frames/1/rendered?{query}&{uid}"), whole)
    first = pixels(f"{state.url}/frames/2/rendered?{query}")
    assert np.array_equal(first, pixels(f"{special['slice 1'].url}/rendered?{query}&{uid}"))
    assert pixels(f"{state.url}/thumbnail?viewport=64,64").shape == (64, 64)


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("state", "/frames/3/rendered", 404),
        ("slice 3", "/rendered?presentationUID=2.25.700.2.101", 400),
        ("slice 2", "/rendered?presentationUID=2.25.404", 404),
        ("slice 2", "/rendered?presentationUID=2.25.700.2.101&presentationSeriesUID=2.25.1", 404),
        ("slice 2", "/rendered?presentationUID=2.25.700.1.1", 400),
        ("state", "/rendered?viewport=10,10,1,1,5,5", 400),
    ],
)
def test_what_a_state_is_not_for(special, viewer, name, path, status):
    answer = viewer.get(special[name].url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_colour_state_turns_the_picture(special, viewer):
    answer = viewer.get(f"{special['colour state'].url}/rendered?accept=image/png")
    plain = viewer.get(f"{special['slice 2'].url}/rendered?accept=image/png")
    pictures = [np.asarray(Image.open(io.BytesIO(each.content))) for each in (answer, plain)]
    assert answer.headers["cache-control"] == "private, no-cache", "the image may come, or come anew"
    assert pictures[0].shape == pictures[1].shape
    assert not np.array_equal(*pictures)


def test_what_may_change_when_images_come_is_asked_for_again(special, viewer):
    for name, path in (
        ("state", "thumbnail"),
        ("binary", "thumbnail"),
        ("key objects", "thumbnail"),
        ("report", "rendered"),
    ):
        answer = viewer.get(f"{special[name].url}/{path}")
        assert answer.headers["cache-control"] == "private, no-cache"
        again = viewer.get(f"{special[name].url}/{path}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("name", ["state", "binary"])
def test_words_are_written_into_these_pictures_too(special, viewer, name):
    url = f"{special[name].url}/rendered?accept=image/png&viewport=400,400"
    plain, told = (
        np.asarray(Image.open(io.BytesIO(viewer.get(url + more).content)))
        for more in ("", "&annotation=patient")
    )
    assert not np.array_equal(plain[:120], told[:120])
    assert np.array_equal(plain[200:], told[200:])


def subtracting(frame_number, **mask):
    """One row of a three-frame image under a state that subtracts, in units of a frame's own value."""
    image = slice_(2)
    image.NumberOfFrames, image.PhotometricInterpretation = 3, "MONOCHROME2"
    steps = np.arange(SIDE, dtype=np.int16)
    frames = {n: np.tile(steps * n + 100, (SIDE, 1)) for n in (1, 2, 3)}
    state = presentation_state()
    state.SoftcopyVOILUTSequence = [item(WindowCenter="0.5", WindowWidth="511")]
    state.MaskSubtractionSequence = [item(**mask)]
    target = Target(image.SOPInstanceUID, frame_number)
    made = presented_frame(state, image, frames[frame_number], target, PNG, None, frames.__getitem__)
    return (np.asarray(Image.open(io.BytesIO(made.content)))[7].astype(float) - 127.5) * 2


@pytest.mark.parametrize(
    ("frame_number", "mask", "times", "moved"),
    [
        (3, {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1]}, 2, 0),
        (3, {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1, 2]}, 1.5, 0),
        (1, {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1], "ContrastFrameAveraging": 3}, 1, 0),
        (3, {"MaskOperation": "TID", "TIDOffset": 2}, 2, 0),
        (3, {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1], "MaskSubPixelShift": [0.0, 2.5]}, 2, 2.5),
    ],
)
def test_masks_are_subtracted(frame_number, mask, times, moved):
    differences = subtracting(frame_number, **mask)
    assert np.abs(differences - (np.arange(SIDE) * times + moved))[3:].max() <= 2


def test_a_mask_is_for_its_frames_and_for_those_who_want_it():
    plain = subtracting(3, MaskOperation="NONE")
    outside = {"MaskOperation": "AVG_SUB", "MaskFrameNumbers": [1], "ApplicableFrameRange": [1, 2]}
    assert np.array_equal(subtracting(3, **outside), plain)
    assert not np.array_equal(subtracting(2, **outside), subtracting(2, MaskOperation="NONE"))
    with pytest.raises(Invalid, match="MaskOperation"):
        subtracting(3, MaskOperation="DIVIDE")
