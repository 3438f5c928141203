"""A finished image as the picture that was asked for: a part of it, in the size and kind wanted, with words on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storage.retrieve import StoredInstance
from viewer_api.dicomweb.annotation import with_annotation
from viewer_api.dicomweb.crop import UNCROPPED, cropped, whole_options
from viewer_api.dicomweb.objects.ask import Ask
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


def with_words(
    ask: Ask,
    image: StoredInstance,
    frame_number: int,
    rendering: Rendering,
    draw: Callable[[Rendering], Picture],
) -> Picture:
    """What `draw` draws of a frame of `image`, with the annotation that is asked for."""
    if not rendering.annotation:
        return draw(rendering)
    bare = replace(rendering, options=replace(rendering.options, media_type=UNCROPPED))
    return with_annotation(ask.archive, image, frame_number, draw(bare), rendering)
