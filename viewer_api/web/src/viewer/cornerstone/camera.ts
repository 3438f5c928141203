import type { Types } from '@cornerstonejs/core';
import type { Presentation } from '../full-surface';
import type { Plane } from '../frame';
import { scaleOf, turnOf } from '../view-transform';

type Vector = [number, number, number];

const DISTANCE_MM = 500;

/** Cornerstone's camera for our own view: looking straight at the picture's plane, turned and mirrored as the view says. */
export function cameraOf(plane: Plane, { view, picture, canvas }: Presentation): Types.ICamera {
  const [xx, xy, yx, yy] = turnOf(view);
  const right = combine(plane.row, xx, plane.column, yx);
  const up = combine(plane.row, -xy, plane.column, -yy);
  const normal = cross(right, up);
  // The position is the centre of the first pixel, picture points count from its corner.
  const x = (view.center[0] * picture.columns - 0.5) * picture.column_spacing;
  const y = (view.center[1] * picture.rows - 0.5) * picture.row_spacing;
  const offset = combine(plane.row, x, plane.column, y);
  const focalPoint: Vector = [plane.position[0] + offset[0], plane.position[1] + offset[1], plane.position[2] + offset[2]];
  return {
    viewUp: up,
    viewPlaneNormal: normal,
    focalPoint,
    position: [focalPoint[0] + normal[0] * DISTANCE_MM, focalPoint[1] + normal[1] * DISTANCE_MM, focalPoint[2] + normal[2] * DISTANCE_MM],
    parallelScale: canvas.height / 2 / scaleOf(view, picture, canvas),
    // Cornerstone works this out anew only when it thinks the plane has changed.
    clippingRange: [DISTANCE_MM / 2, DISTANCE_MM * 1.5],
    parallelProjection: true,
  };
}

function combine(one: Vector, a: number, two: Vector, b: number): Vector {
  return [one[0] * a + two[0] * b, one[1] * a + two[1] * b, one[2] * a + two[2] * b];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
