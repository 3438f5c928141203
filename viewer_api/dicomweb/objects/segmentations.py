"""Segmentations over the images that they were made from, or by themselves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
from fastapi import Response
from numpy.typing import NDArray

from storage.archive import Archive
from storage.bulkdata import complete_header
from storage.errors import Error, Invalid
from storage.retrieve import StoredInstance
from viewer_api.dicomweb.caching import REVALIDATE
from viewer_api.dicomweb.frames import require_frames
from viewer_api.dicomweb.objects.ask import Ask, Renderer
from viewer_api.dicomweb.objects.decoded import decoded
from viewer_api.dicomweb.objects.fitted import fitted_picture, with_words
from viewer_api.dicomweb.objects.planes import plane_of
from viewer_api.dicomweb.objects.related import held, one_held
from viewer_api.dicomweb.parameters import Rendering, read_rendering
from viewer_api.render import Picture, display_values
from viewer_api.render.aspect import pixel_aspect
from viewer_api.render.icc import in_colour_space
from viewer_api.render.plane import Plane, cover_each_other
from viewer_api.render.segmentation import Segmentation, SegmentFrame, Source, segmentation
from viewer_api.render.segmentation_overlay import Marked, alone, marked, overlaid

SEGMENTATION_CLASSES = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
SEGMENTATION_UID = "segmentationUID"
_BACKGROUND = "background"
_GROUPS = frozenset({"0008", "0020", "0028", "0048", "0062", "5200"})
_MAX_KNOWN, _MAX_LAYERS, _MAX_SEARCHED = 16, 512, 2000
_known: OrderedDict[str, Segmentation] = OrderedDict()
_lock = threading.Lock()


def segmentation_picture(ask: Ask) -> Response:
    """A frame, or of the instance the middle plane with all its segments, on its image unless `background=none`."""
    rendering = read_rendering(ask.request)
    wanted = ask.request.query_params.get(_BACKGROUND, "source")
    if wanted not in ("source", "none"):
        raise Invalid("background is source or none", parameter=_BACKGROUND)
    layers = _layers(ask)
    source = _source(ask, layers) if wanted == "source" else None
    return ask.answer(
        lambda: _drawn(ask, layers, source, rendering).content,
        rendering.options.media_type,
        rendering,
        source and (source[0].sha256, source[1]),
        control=REVALIDATE if wanted == "source" else None,
    )


def segmentation_thumbnail(ask: Ask, rendering: Rendering) -> Picture | None:
    """The same, small; by itself where the image is not here."""
    layers = _layers(ask)
    return _drawn(ask, layers, _source(ask, layers), rendering)


def segmented_image(ask: Ask) -> Response:
    """An image's frame under a segmentation that the request names."""
    rendering = read_rendering(ask.request)
    overlay = one_held(ask, ask.request.query_params[SEGMENTATION_UID], "the segmentation")
    if overlay.sop_class_uid not in SEGMENTATION_CLASSES:
        raise Invalid(f"{SEGMENTATION_UID} names no segmentation", parameter=SEGMENTATION_UID)
    number = ask.frame_number or 1
    require_frames(ask.found, [number])
    of_overlay = Ask(ask.request, ask.caller, overlay)
    layers = _layers_on(of_overlay, ask.found, number)
    return ask.answer(
        lambda: _drawn(of_overlay, layers, (ask.found, number), rendering).content,
        rendering.options.media_type,
        rendering,
        overlay.sha256,
    )


def _layers_on(of_overlay: Ask, image: StoredInstance, number: int) -> list[SegmentFrame]:
    """The frames made from one of an image, else those that lie there. Raises `Invalid` where they lie elsewhere."""
    archive, overlay = of_overlay.archive, of_overlay.found
    of, there = _segmentation(archive, overlay), plane_of(archive, image, number)
    layers = of.frames_on(Source(image.sop_instance_uid, number))
    if layers and not _fits(of_overlay, plane_of(archive, overlay, layers[0].number), image, number):
        raise Invalid("the segmentation does not lie where this image lies", code="NOT_RENDERABLE")
    if layers or there is None or any(frame.sources for frame in of.frames):
        return layers[:_MAX_LAYERS]
    planes = ((frame, plane_of(archive, overlay, frame.number)) for frame in of.frames[:_MAX_SEARCHED])
    return [frame for frame, its in planes if its is not None and cover_each_other(its, there)][:_MAX_LAYERS]


def _segmentation(archive: Archive, found: StoredInstance) -> Segmentation:
    """Read once: an instance with thousands of frames is looked at frame by frame."""
    with _lock:
        known = _known.get(found.sha256)
    if known is None:
        known = segmentation(complete_header(archive, found, _GROUPS))
        with _lock:
            _known[found.sha256] = known
            while len(_known) > _MAX_KNOWN:
                _known.popitem(last=False)
    return known


def _layers(ask: Ask) -> list[SegmentFrame]:
    of = _segmentation(ask.archive, ask.found)
    if ask.frame_number is not None:
        require_frames(ask.found, [ask.frame_number])
        return [of.frame(ask.frame_number)]
    there = ask.found.number_of_frames
    middle = of.frame((min(len(of.frames), there) + 1) // 2)
    return [layer for layer in of.plane_of(middle) if layer.number <= there][:_MAX_LAYERS]


def _source(ask: Ask, layers: list[SegmentFrame]) -> tuple[StoredInstance, int] | None:
    """The image that the frames were made from and its frame, else one of those that the segmentation is about where it
    lies; None if none is here, or none shows the same part of the patient: colour in a wrong place is worse than none.
    """
    sources = list(dict.fromkeys(source for layer in layers for source in layer.sources))
    if not sources:
        about = _segmentation(ask.archive, ask.found).referenced[:_MAX_SEARCHED]
        sources = [Source(uid) for uid in about]
    here = held(ask, [source.sop_instance_uid for source in sources])
    own = plane_of(ask.archive, ask.found, layers[0].number)
    candidates = ((here.get(each.sop_instance_uid), each.frame_number) for each in sources)
    fitting = ((image, number) for image, number in candidates if image and _fits(ask, own, image, number))
    return next(fitting, None)


def _fits(ask: Ask, own: Plane | None, image: StoredInstance, number: int) -> bool:
    """By their planes; where one has none, as slides and photographs, by their size."""
    there = plane_of(ask.archive, image, number)
    if own is None or there is None:
        return (image.rows, image.columns) == (ask.found.rows, ask.found.columns)
    return cover_each_other(own, there)


def _drawn(
    ask: Ask, layers: list[SegmentFrame], source: tuple[StoredInstance, int] | None, rendering: Rendering
) -> Picture:
    segments = _marked(ask, layers)
    if source is not None:
        background = _background(ask, source, rendering)
        if background is not None:
            values, aspect = background
            on_image = [each._replace(amount=_as_large(each.amount, values)) for each in segments]
            shown = overlaid(values, on_image)
            return with_words(ask, *source, rendering, lambda wanted: fitted_picture(shown, wanted, aspect))
    if not layers:
        raise Invalid(
            "the segmentation marks nothing on this image, which cannot be shown", code="NOT_RENDERABLE"
        )
    header = decoded(ask.archive, ask.found, layers[0].number)[0]
    aspect = pixel_aspect(header, frame_number=layers[0].number)
    shape = segments[0].amount.shape if segments else (int(header.Rows), int(header.Columns))
    by_itself = alone((shape[0], shape[1]), segments)
    return with_words(
        ask, ask.found, layers[0].number, rendering, lambda wanted: fitted_picture(by_itself, wanted, aspect)
    )


def _marked(ask: Ask, layers: list[SegmentFrame]) -> list[Marked]:
    of = _segmentation(ask.archive, ask.found)
    return [
        each
        for layer in layers
        for each in marked(of, layer, decoded(ask.archive, ask.found, layer.number)[1])
    ]


def _background(
    ask: Ask, source: tuple[StoredInstance, int], rendering: Rendering
) -> tuple[NDArray[np.uint8], float] | None:
    """The image as it is shown without segments; None if it cannot be."""
    found, number = source
    try:
        header, stored = decoded(ask.archive, found, number)
        values = display_values(header, stored, frame_number=number, options=rendering.options)
    except Error:
        return None
    if values.ndim == 3:
        values, _ = in_colour_space(header, values, None, frame_number=number)
    return values, pixel_aspect(header, frame_number=number)


def _as_large(amount: NDArray[Any], values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each pixel of a coarser or finer segmentation of the same plane, at the image's rows and columns."""
    rows, columns = (
        np.minimum(np.arange(size) * have // size, have - 1)
        for size, have in zip(values.shape[:2], amount.shape, strict=True)
    )
    scaled: NDArray[np.float32] = amount[rows][:, columns]
    return scaled


SEGMENTATIONS = Renderer(segmentation_picture, segmentation_thumbnail, symbol="layers", settled=False)
SEGMENTED_IMAGE = Renderer(segmented_image, segmentation_thumbnail)
