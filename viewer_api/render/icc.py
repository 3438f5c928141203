"""ICC profiles: device colours to colours that a screen shows right (PS3.3 C.11.15, PS3.18 8.3.5.1)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from pydicom import Dataset

from viewer_api.render import attributes
from viewer_api.render.functional_groups import functional_group

ColourSpace = Literal["no", "yes", "srgb", "adobergb", "rommrgb", "displayp3"]
"""What may be asked for: no profile in the picture, the image's own, or its colours in one of four spaces."""

_MAX_PROFILE = 8 << 20
_D50, _D65 = (0.3457, 0.3585), (0.3127, 0.3290)
# Chromaticities of red, green and blue, x and y each: ISO 22028-2 (ROMM RGB), SMPTE EG 432-1 (Display P3).
_ROMM = ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_CURVE_POINTS = 1024


def icc_profile(header: Dataset, *, frame_number: int) -> bytes | None:
    """The profile of an image, or of the optical path of a slide's frame (PS3.3 C.8.12.5); None if there is none."""
    for holder in (header, _optical_path(header, frame_number)):
        value = None if holder is None else attributes.value_of(holder, "ICCProfile")
        if isinstance(value, bytes) and 128 <= len(value) <= _MAX_PROFILE:
            return value
    return None


def _optical_path(header: Dataset, frame_number: int) -> Dataset | None:
    """The path that the frame names by (0048,0207) OpticalPathIdentificationSequence, else the first."""
    paths: Sequence[Dataset] = attributes.value_of(header, "OpticalPathSequence")
    if not paths:
        return None
    group = functional_group(header, "OpticalPathIdentificationSequence", frame_number=frame_number)
    named = None if group is None else attributes.value_of(group, "OpticalPathIdentifier")
    return next(
        (path for path in paths if attributes.value_of(path, "OpticalPathIdentifier") == named),
        paths[0],
    )


def in_colour_space(
    header: Dataset, colours: NDArray[np.uint8], wanted: ColourSpace | None, *, frame_number: int
) -> tuple[NDArray[np.uint8], bytes | None]:
    """RGB `(rows, columns, 3)` in the wanted colour space, and the profile to put into the picture.

    With nothing wanted the colours become sRGB, which is what is shown of a picture without a profile. ``no`` leaves
    the colours alone, ``yes`` sends the image's own profile with them.
    """
    profile = icc_profile(header, frame_number=frame_number)
    if wanted == "no" or (wanted is None and profile is None):
        return colours, None
    if wanted == "yes":
        return colours, profile or well_known_profile("srgb")
    target = wanted or "srgb"
    changed = _transformed(colours, profile or well_known_profile("srgb"), target)
    return changed, None if wanted is None else well_known_profile(target)


def _transformed(colours: NDArray[np.uint8], profile: bytes, target: str) -> NDArray[np.uint8]:
    transform = _transform(profile, target)
    if transform is None:
        return colours
    image = transform.apply(Image.fromarray(np.ascontiguousarray(colours)))
    return cast("NDArray[np.uint8]", np.asarray(image))


@lru_cache(maxsize=16)
def _transform(profile: bytes, target: str) -> ImageCms.ImageCmsTransform | None:
    """From the profile to the target, by the intent that the profile asks for; None where nothing is to be changed,
    or the profile cannot be read: a broken one is no reason to withhold a picture."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if target == "srgb" and ImageCms.getProfileDescription(source).startswith("sRGB"):
            return None
        into = ImageCms.ImageCmsProfile(io.BytesIO(well_known_profile(target)))
        intent = ImageCms.Intent(ImageCms.getDefaultIntent(source))
        return ImageCms.buildTransform(source, into, "RGB", "RGB", intent)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


@lru_cache
def well_known_profile(name: str) -> bytes:
    """One of ``srgb``, ``adobergb``, ``rommrgb``, ``displayp3``."""
    import imagecodecs

    if name in ("srgb", "adobergb"):
        return bytes(imagecodecs.cms_profile(name))
    white, primaries, curve = {
        "rommrgb": (_D50, _ROMM, _romm_curve),
        "displayp3": (_D65, _P3, _srgb_curve),
    }[name]
    points = curve(np.linspace(0, 1, _CURVE_POINTS))
    corners = [number for x_and_y in primaries for number in (*x_and_y, 1.0)]
    return bytes(
        imagecodecs.cms_profile(
            "rgb", whitepoint=[*white, 1.0], primaries=corners, transferfunction=points.astype(np.float32)
        )
    )


def _srgb_curve(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _romm_curve(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """ISO 22028-2: gamma 1.8, and a straight line from black."""
    return np.where(value < 16 * 2**-9, value / 16, value**1.8)
