/**
 * How a picture lies on the canvas: one owner of zoom, place, turn and mirror for both layers (rendered and full fidelity).
 *
 * Picture points are (x, y) in pixels from the upper left corner of the first pixel; canvas points are CSS pixels from the canvas' upper left corner.
 * canvas = centre + k * R(rotation) * F(flips) * (point - centre point), lengths in mm so that oblong pixels keep their shape.
 */
export interface ViewTransform {
  /** 1 shows the whole picture. */
  zoom: number;
  /** The picture point at the canvas' centre, as a fraction of the picture's width and height. */
  center: readonly [number, number];
  /** Clockwise, degrees: 0, 90, 180 or 270. */
  rotation: number;
  flip_horizontal: boolean;
  flip_vertical: boolean;
}

export const upright: ViewTransform = { zoom: 1, center: [0.5, 0.5], rotation: 0, flip_horizontal: false, flip_vertical: false };

export interface PictureSize {
  columns: number;
  rows: number;
  /** Distance of neighbouring columns and of neighbouring rows; 1 and 1 (or their ratio) when no mm are known. */
  column_spacing: number;
  row_spacing: number;
}

export interface CanvasSize {
  width: number;
  height: number;
}

export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** CSS pixels per unit of spacing. */
export function scaleOf(view: ViewTransform, picture: PictureSize, canvas: CanvasSize): number {
  const width = picture.columns * picture.column_spacing;
  const height = picture.rows * picture.row_spacing;
  const [across, down] = view.rotation % 180 === 0 ? [width, height] : [height, width];
  return Math.min(canvas.width / across, canvas.height / down) * view.zoom;
}

/** R(rotation) * F(flips), column by column. */
export function turnOf(view: ViewTransform): readonly [number, number, number, number] {
  const angle = (view.rotation * Math.PI) / 180;
  const [cos, sin] = [Math.round(Math.cos(angle)), Math.round(Math.sin(angle))];
  const [h, v] = [view.flip_horizontal ? -1 : 1, view.flip_vertical ? -1 : 1];
  return [cos * h, sin * h, -sin * v, cos * v];
}

/** Picture points to canvas points, as `CanvasRenderingContext2D.setTransform` takes it. */
export function matrixOf(view: ViewTransform, picture: PictureSize, canvas: CanvasSize): Matrix {
  const scale = scaleOf(view, picture, canvas);
  const [xx, xy, yx, yy] = turnOf(view);
  const [a, b] = [xx * scale * picture.column_spacing, xy * scale * picture.column_spacing];
  const [c, d] = [yx * scale * picture.row_spacing, yy * scale * picture.row_spacing];
  const [x, y] = [view.center[0] * picture.columns, view.center[1] * picture.rows];
  return [a, b, c, d, canvas.width / 2 - a * x - c * y, canvas.height / 2 - b * x - d * y];
}

export function toCanvas(matrix: Matrix, x: number, y: number): [number, number] {
  const [a, b, c, d, e, f] = matrix;
  return [a * x + c * y + e, b * x + d * y + f];
}

export function toPicture(matrix: Matrix, x: number, y: number): [number, number] {
  const [a, b, c, d, e, f] = matrix;
  const determinant = a * d - b * c;
  return [(d * (x - e) - c * (y - f)) / determinant, (a * (y - f) - b * (x - e)) / determinant];
}

export function panned(view: ViewTransform, picture: PictureSize, canvas: CanvasSize, dx: number, dy: number): ViewTransform {
  const matrix = matrixOf(view, picture, canvas);
  const [x, y] = toPicture(matrix, canvas.width / 2 - dx, canvas.height / 2 - dy);
  return { ...view, center: [clamp(x / picture.columns, -0.5, 1.5), clamp(y / picture.rows, -0.5, 1.5)] };
}

export const ZOOM_LIMITS = [0.1, 40] as const;

/** Zoomed by `factor`, the picture point under the canvas point (x, y) staying there. */
export function zoomed(view: ViewTransform, picture: PictureSize, canvas: CanvasSize, factor: number, x = canvas.width / 2, y = canvas.height / 2): ViewTransform {
  const zoom = clamp(view.zoom * factor, ...ZOOM_LIMITS);
  const before = toPicture(matrixOf(view, picture, canvas), x, y);
  const larger = { ...view, zoom };
  const [atX, atY] = toCanvas(matrixOf(larger, picture, canvas), ...before);
  return panned(larger, picture, canvas, x - atX, y - atY);
}

export function turned(view: ViewTransform, degrees: number): ViewTransform {
  return { ...view, rotation: (view.rotation + degrees + 360) % 360 };
}

/** Mirrored left to right as seen on the screen, whatever the turn (F R(a) = R(-a) F). */
export function flippedHorizontally(view: ViewTransform): ViewTransform {
  return { ...view, rotation: (360 - view.rotation) % 360, flip_horizontal: !view.flip_horizontal };
}

export function flippedVertically(view: ViewTransform): ViewTransform {
  return { ...view, rotation: (360 - view.rotation) % 360, flip_vertical: !view.flip_vertical };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
