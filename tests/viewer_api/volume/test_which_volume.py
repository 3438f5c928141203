"""Which images make a volume, which of several is meant, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from phantom import Phantom, jpeg_ls, linear
from test_rendered_mpr import expected, inside, numbers, pixels, places, rendered

BASE = Phantom("base", depths=tuple(np.arange(12) * 2.0), shape=(20, 24))


def named(name: str, **changes) -> Phantom:
    return replace(BASE, name=name, **changes)


def shifted(by: float):
    return lambda points: linear(points) + by


def moved(datasets, start: int):
    """The same places again, as further instances of the series."""
    for number, dataset in enumerate(datasets, start):
        dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{number}"
        dataset.InstanceNumber = number
    return datasets


def right_everywhere(client, phantom, by=0.0, **asked):
    answer = rendered(client, phantom, orientation="a", **asked)
    grey = pixels(answer)
    points = places(answer, grey.shape)
    where = inside(phantom, points, 1e-6)
    return where.mean() > 0.5 and np.abs(grey - expected(linear(points) + by))[where].max() < 0.6


ECHOES = named("echoes", attributes={"EchoTime": 20.0})
PHASES = named("phases")


@pytest.fixture(scope="module")
def echoes(service):
    """Two echoes of one place in a series, which differ by 100 units."""
    second = replace(ECHOES, values=shifted(100), attributes={"EchoTime": 60.0})
    return service.holds(ECHOES, [*ECHOES.slices(), *moved(second.slices(), 13)])


def test_several_volumes_are_told_apart_and_one_is_asked_for(kashi, echoes):
    answer = rendered(kashi, echoes)
    assert (answer.status_code, answer.json()["code"]) == (409, "SEVERAL_VOLUMES")
    told = answer.json()["volumes"]
    assert sorted((each["EchoTime"], each["slices"]) for each in told) == [("20", 12), ("60", 12)]
    for each in told:
        by = 100 if each["EchoTime"] == "60" else 0
        assert right_everywhere(kashi, echoes, by, volumeinputreference=each["volumeinputreference"])
        assert right_everywhere(kashi, echoes, by, EchoTime=each["EchoTime"])
    assert right_everywhere(kashi, echoes, 100, EchoTime="50-70")
    assert rendered(kashi, echoes, EchoTime="90").status_code == 404
    assert rendered(kashi, echoes, volumeinputreference="1.2.3").status_code == 404


def test_repetitions_that_nothing_tells_apart_are_volumes_in_the_order_they_came(kashi, service):
    second = replace(PHASES, values=shifted(100))
    service.holds(PHASES, [*PHASES.slices(), *moved(second.slices(), 13)])
    told = rendered(kashi, PHASES).json()["volumes"]
    by_repetition = {each["repetition"]: each["volumeinputreference"] for each in told}
    assert right_everywhere(kashi, PHASES, 0, volumeinputreference=by_repetition["1"])
    assert right_everywhere(kashi, PHASES, 100, volumeinputreference=by_repetition["2"])


def test_a_localizer_is_passed_over(kashi, service):
    phantom = named("with a localizer")
    localizer = replace(phantom, depths=(0.0, 30.0), axes=np.array([[0, 0, -1.0], [1, 0, 0], [0, -1, 0]]))
    service.holds(phantom, [*moved(localizer.slices(), 90), *phantom.slices()])
    assert right_everywhere(kashi, phantom)


def test_stray_duplicates_are_left_out_with_a_notice(kashi, service):
    phantom = named("strays")
    strays = moved(replace(phantom, values=shifted(100)).slices()[3:5], 50)
    service.holds(phantom, [*phantom.slices(), *strays])
    assert right_everywhere(kashi, phantom)
    assert "2 images" in rendered(kashi, phantom).headers["warning"]


def test_a_missing_slice_is_told_and_its_place_interpolated(kashi, service):
    phantom = named("missing")
    service.holds(phantom, [each for each in phantom.slices() if each.InstanceNumber != 5])
    assert right_everywhere(kashi, phantom)
    assert "2.00 to 4.00 mm apart" in rendered(kashi, phantom).headers["warning"]


def test_gantry_tilt_is_told(kashi, service):
    phantom = service.holds(named("leaning", tilt=np.tan(np.radians(20))))
    assert "20.0 degrees" in rendered(kashi, phantom).headers["warning"]


def test_regular_slices_bring_no_warning(kashi, service):
    assert "warning" not in rendered(kashi, service.holds(named("regular"))).headers


def test_one_multi_frame_instance_is_a_volume(kashi, service):
    phantom = named("enhanced")
    service.holds(phantom, [phantom.enhanced()])
    assert right_everywhere(kashi, phantom)
    answer = kashi.get(f"{phantom.url}/instances/{phantom.study}.1.1/renderedmpr?orientation=a")
    assert answer.headers["farlight-window"] == "100,900,linear"


@pytest.mark.parametrize("kind", ["slices", "enhanced"])
def test_compressed_images(kashi, service, kind):
    phantom = named(f"compressed {kind}")
    datasets = phantom.slices() if kind == "slices" else [phantom.enhanced()]
    assert right_everywhere(kashi, service.holds(phantom, [jpeg_ls(each) for each in datasets]))


def test_slopes_that_differ_from_slice_to_slice(kashi, service):
    phantom = named("slopes")
    coarse = replace(phantom, rescale=(0.25, -900.0))
    both = [*phantom.slices()[::2], *coarse.slices()[1::2]]
    assert right_everywhere(kashi, service.holds(phantom, both))


def test_unsigned_values_and_inverted_ones(kashi, service):
    attributes = {"PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME1"}
    phantom = service.holds(named("unsigned", attributes=attributes))
    answer = rendered(kashi, phantom, orientation="a")
    grey = pixels(answer)
    points = places(answer, grey.shape)
    where = inside(phantom, points, 1e-6)
    assert np.abs(grey - (255 - expected(linear(points))))[where].max() < 0.6


def test_padding_is_air(kashi, service):
    phantom = named("padded", attributes={"PixelPaddingValue": 32000})
    padded = phantom.slices()
    for dataset in padded:
        stored = np.frombuffer(dataset.PixelData, "<i2").reshape(dataset.Rows, dataset.Columns).copy()
        stored[:, :6] = 32000
        dataset.PixelData = stored.tobytes()
    service.holds(phantom, padded)
    seen = pixels(rendered(kashi, phantom, orientation="f", renderingmethod="maximum_ip", mprslab="10"))
    assert not seen[:, :5].any()
    assert seen[:, 8:].all()


REFUSED = {
    "a side that is none": ({"orientation": "x"}, 400, "INVALID"),
    "side and points": ({"orientation": "a", "viewpointposition": "0,0,0"}, 400, "INVALID"),
    "half a viewpoint": ({"viewpointlookat": "0,0,0"}, 400, "INVALID"),
    "one point": ({"viewpointposition": "1,2,3", "viewpointlookat": "1,2,3"}, 400, "INVALID"),
    "two numbers": ({"viewpointposition": "1,2", "viewpointlookat": "1,2,3"}, 400, "INVALID"),
    "no number": ({"mproffset": "nan"}, 400, "INVALID"),
    "a slab without thickness": ({"mprslab": "0"}, 400, "INVALID"),
    "a method that is none": ({"renderingmethod": "mip"}, 400, "INVALID"),
    "no plane": ({"renderingmethod": "volume_rendered"}, 400, "INVALID"),
    "a swivelling plane": ({"swivelrange": "90", "accept": "image/gif"}, 400, "INVALID"),
    "metadata, perhaps": ({"renderedvolumetricmetadata": "maybe"}, 400, "INVALID"),
    "a huge viewport": ({"viewport": "8000,8000"}, 400, "INVALID"),
    "a part outside": ({"viewport": "10,10,500,500,10,10"}, 400, "INVALID"),
    "a film": ({"accept": "video/mp4"}, 406, "NOT_ACCEPTABLE"),
}


@pytest.mark.parametrize(("asked", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(kashi, service, asked, status, code):
    phantom = named("regular")
    service.holds(phantom)
    answer = kashi.get(f"{phantom.url}/renderedmpr", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


NO_VOLUME = {
    "one slice": lambda phantom: phantom.slices()[:1],
    "two volumes, far apart": lambda phantom: [*phantom.slices()[:4], *phantom.slices()[10:]],
    "without positions": lambda phantom: [
        _without(each, "ImagePositionPatient") for each in phantom.slices()
    ],
}


def _without(dataset, keyword):
    delattr(dataset, keyword)
    return dataset


@pytest.mark.parametrize("kind", NO_VOLUME)
def test_what_is_no_volume(kashi, service, kind):
    phantom = named(kind, depths=tuple(np.arange(12) * 0.5 + (np.arange(12) > 9) * 90))
    service.holds(phantom, NO_VOLUME[kind](phantom))
    answer = kashi.get(f"{phantom.url}/renderedmpr")
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_A_VOLUME")


def test_colour_is_no_volume(kashi, service):
    phantom = named("colour")
    service.holds(phantom, [_coloured(each) for each in phantom.slices()])
    answer = kashi.get(f"{phantom.url}/renderedmpr")
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_RENDERABLE")


def _coloured(dataset):
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = bytes(dataset.Rows * dataset.Columns * 3)
    return dataset


def test_a_claim_beyond_the_memory_is_refused_unread(kashi, service):
    phantom = named("claim")
    service.holds(phantom, [_claimed(each) for each in phantom.slices()])
    answer = kashi.get(f"{phantom.url}/renderedmpr")
    assert (answer.status_code, answer.json()["code"]) == (400, "VOLUME_TOO_LARGE")


def _claimed(dataset):
    dataset.Rows = dataset.Columns = 8000
    return dataset


@pytest.mark.parametrize("resource", ["renderedmpr", "rendered3d", "rendered3D"])
def test_another_hospitals_volume_does_not_exist(service, kashi, aksu, resource):
    phantom = service.holds(replace(BASE, name="of Aksu"), None, "AKSU")
    for path in (f"/studies/{phantom.study}/{resource}", f"{phantom.url}/{resource}"):
        assert aksu.get(path).status_code == 200
        assert kashi.get(path).status_code == 404
    with service.client("technician", "/sites/AKSU/dicom-web") as stranger:
        assert stranger.get(f"{phantom.url}/{resource}").status_code == 404


def test_what_is_known_is_not_sent_again_until_a_slice_comes(kashi, service):
    phantom = named("growing")
    service.holds(phantom, phantom.slices()[:-1])
    first = rendered(kashi, phantom, orientation="a")
    again = {"Accept": "image/png", "If-None-Match": first.headers["etag"]}
    path = str(first.request.url).replace(str(kashi.base_url), "")
    assert kashi.get(path, headers=again).status_code == 304
    service.holds(phantom, phantom.slices()[-1:])
    grown = kashi.get(path, headers=again)
    assert grown.status_code == 200
    assert len(pixels(grown)) > len(pixels(first))


def test_what_is_rejected_is_in_no_volume(kashi, service):
    phantom = service.holds(named("rejected", depths=tuple(np.arange(8) * 2.0)))
    whole = pixels(rendered(kashi, phantom, orientation="a"))
    with service.client("technician", "/sites/KASHI/dicom-web") as technician:
        gone = technician.delete(f"{phantom.url}/instances/{phantom.study}.1.8")
        assert gone.status_code < 300, gone.text
    assert len(pixels(rendered(kashi, phantom, orientation="a"))) < len(whole)


def test_the_account_of_a_rendering(kashi, service):
    """PS3.18 Table K.1-1, and with its points the same picture comes again."""
    phantom = service.holds(named("account"))
    asked = {"orientation": "l", "mprslab": "6", "renderingmethod": "maximum_ip"}
    answer = rendered(
        kashi, phantom, accept="application/dicom+json", renderedvolumetricmetadata="yes", **asked
    )
    assert answer.headers["content-type"] == "application/dicom+json"
    told = {tag: element["Value"] for tag, element in answer.json().items()}
    assert told["00720510"] == ["MPR"]
    assert told["0070120D"] == ["MAXIMUM_IP"]
    assert told["00701503"] == [6.0]
    assert (told["00281050"], told["00281051"], told["00281056"]) == ([0.0], [1000.0], ["LINEAR_EXACT"])
    assert told["00701605"] == [0, 0, 1]
    points = {
        "viewpointposition": ",".join(map(str, told["00701603"])),
        "viewpointlookat": ",".join(map(str, told["00701604"])),
        "viewpointup": ",".join(map(str, told["00701605"])),
    }
    same = rendered(kashi, phantom, mprslab="6", renderingmethod="maximum_ip", **points)
    picture = rendered(kashi, phantom, **asked)
    assert (pixels(same) == pixels(picture)).all()
    assert told["00200032"] == pytest.approx(numbers(picture, "image-position"), abs=1e-5)
    assert (told["00280010"], told["00280011"]) == ([pixels(picture).shape[0]], [pixels(picture).shape[1]])
