"""A finished image as the picture that was asked for: a part of it, in the size and kind wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from viewer_api.dicomweb.crop import cropped, whole_options
from viewer_api.dicomweb.parameters import Rendering
from viewer_api.render import Picture
from viewer_api.render.picture import encoded, fitted_size


def fitted_picture(values: NDArray[np.uint8], rendering: Rendering, aspect: float = 1.0) -> Picture:
    """Grey or RGB values, whose pixels are `aspect` times as high as wide, in the viewport."""
    image = Image.fromarray(np.ascontiguousarray(values))
    options = rendering.options if rendering.region is None else whole_options(rendering)
    if options.viewport is not None:
        size = fitted_size(image.width, image.height * aspect, options.viewport)
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    made = Picture(encoded(image, options), options.media_type, image.width, image.height, None)
    return made if rendering.region is None else cropped(made, rendering.region, rendering.options)
