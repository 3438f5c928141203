"""A sheet as SVG, and as a picture."""

from __future__ import annotations

from html import escape

from PIL import Image, ImageDraw

from viewer_api.render.options import MAX_VIEWPORT, RenderOptions
from viewer_api.render.picture import Picture, encoded, fitted_size
from viewer_api.render.typefaces import typeface
from viewer_api.render.waveform_sheet import FINE_GRID, GRID, PAPER, Colour, Grid, Sheet

_PIXELS_PER_MM = 5.0
"""Without a viewport; the smallest squares are then still told apart."""
_SMOOTHED_PIXELS = 6_000_000
_FINEST = 2.5
"""Pixels a millimetre from which its squares are drawn."""


def sheet_svg(sheet: Sheet) -> str:
    """A standalone document; its user units are millimetres."""
    size = f"{sheet.width:g} {sheet.height:g}"
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{sheet.width:g}mm" '
        f'height="{sheet.height:g}mm" font-family="Noto Sans SC,Noto Sans,sans-serif">',
        f'<rect width="{sheet.width:g}" height="{sheet.height:g}" fill="{_hex(PAPER)}"/>',
        *(_svg_grid(grid) for grid in sheet.grids),
        *(
            f'<polyline points="{" ".join(f"{x:.2f},{y:.2f}" for x, y in run)}" fill="none" '
            f'stroke="{_hex(trace.colour)}" stroke-width="{trace.width:g}" stroke-linejoin="round"/>'
            for trace in sheet.traces
            for run in trace.runs()
        ),
        *(
            f'<text x="{label.x:g}" y="{label.y:g}" font-size="{label.size:g}" fill="{_hex(label.colour)}">'
            f"{escape(label.text)}</text>"
            for label in sheet.labels
        ),
        "</svg>",
    ]
    return "\n".join(body)


def sheet_picture(sheet: Sheet, options: RenderOptions) -> Picture:
    """As large as the viewport allows, else five pixels a millimetre."""
    room = options.viewport or (MAX_VIEWPORT, MAX_VIEWPORT)
    if options.viewport is None:
        room = (round(sheet.width * _PIXELS_PER_MM), min(MAX_VIEWPORT, round(sheet.height * _PIXELS_PER_MM)))
    width, height = fitted_size(round(sheet.width * 100), sheet.height * 100, room)
    enlarged = 2 if width * height <= _SMOOTHED_PIXELS else 1
    drawn = Image.new("RGB", (width * enlarged, height * enlarged), PAPER)
    scale = width * enlarged / sheet.width
    draw = ImageDraw.Draw(drawn)
    for grid in sheet.grids:
        _draw_grid(draw, grid, scale, fine=scale / enlarged >= _FINEST)
    for trace in sheet.traces:
        for run in trace.runs():
            points = [(x, y) for x, y in (run * scale).tolist()]
            draw.line(points, trace.colour, max(1, round(trace.width * scale)), joint="curve")
    image = drawn if enlarged == 1 else drawn.resize((width, height), Image.Resampling.BOX)
    _draw_labels(image, sheet, width / sheet.width)
    return Picture(encoded(image, options), options.media_type, width, height, None)


def _draw_labels(image: Image.Image, sheet: Sheet, scale: float) -> None:
    draw = ImageDraw.Draw(image)
    for label in sheet.labels:
        size = round(label.size * scale)
        if size >= 5:
            font = typeface(label.text, size)
            draw.text((label.x * scale, label.y * scale), label.text, label.colour, font, anchor="ls")


def _draw_grid(draw: ImageDraw.ImageDraw, grid: Grid, scale: float, *, fine: bool) -> None:
    for step, colour in ((1, FINE_GRID), (5, GRID)) if fine else ((5, FINE_GRID),):
        width = max(1, round(scale * (0.08 if step == 1 else 0.14)))
        left, top = grid.left * scale, grid.top * scale
        right, bottom = (grid.left + grid.width) * scale, (grid.top + grid.height) * scale
        for place in range(0, int(grid.width) + 1, step):
            x = left + place * scale
            draw.line([(x, top), (x, bottom)], colour, width)
        for place in range(0, int(grid.height) + 1, step):
            y = top + place * scale
            draw.line([(left, y), (right, y)], colour, width)


def _svg_grid(grid: Grid) -> str:
    lines = []
    for step, colour, width in ((1, FINE_GRID, 0.08), (5, GRID, 0.14)):
        across = "".join(
            f"M{grid.left:g} {grid.top + y:g}h{grid.width:g}" for y in range(0, int(grid.height) + 1, step)
        )
        down = "".join(
            f"M{grid.left + x:g} {grid.top:g}v{grid.height:g}" for x in range(0, int(grid.width) + 1, step)
        )
        lines.append(f'<path d="{across}{down}" stroke="{_hex(colour)}" stroke-width="{width}" fill="none"/>')
    return "\n".join(lines)


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
