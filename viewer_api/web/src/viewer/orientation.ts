import type { Plane } from './frame';
import { turnOf, type ViewTransform } from './view-transform';

export interface EdgeLetters {
  left: string;
  right: string;
  top: string;
  bottom: string;
}

type Vector = readonly [number, number, number];

/** The patient's direction in one to three letters, most prominent first (PS3.3 C.7.6.1.1.1). */
export function directionLetters(direction: Vector): string {
  const letters = [
    [Math.abs(direction[0]), direction[0] > 0 ? 'L' : 'R'],
    [Math.abs(direction[1]), direction[1] > 0 ? 'P' : 'A'],
    [Math.abs(direction[2]), direction[2] > 0 ? 'H' : 'F'],
  ] as [number, string][];
  return letters
    .filter(([size]) => size > 0.3)
    .sort((one, two) => two[0] - one[0])
    .slice(0, 2)
    .map(([, letter]) => letter)
    .join('');
}

/** Which way the patient lies at the canvas' four edges, for the turn and mirror shown. */
export function edgeLetters(plane: Plane, view: ViewTransform): EdgeLetters | null {
  if (!plane.located) return null;
  const [xx, xy, yx, yy] = turnOf(view);
  const right = blend(plane.row, xx, plane.column, yx);
  const down = blend(plane.row, xy, plane.column, yy);
  return {
    right: directionLetters(right),
    left: directionLetters(negative(right)),
    bottom: directionLetters(down),
    top: directionLetters(negative(down)),
  };
}

/** Letters of Patient Orientation (0020,0020) for projection images, turned the same way. */
export function edgeLettersOfText(orientation: string[], view: ViewTransform): EdgeLetters | null {
  const [row, column] = orientation;
  if (!row || !column) return null;
  const [xx, xy, yx] = turnOf(view);
  const pick = (alongRow: number, alongColumn: number): string =>
    alongRow > 0 ? row : alongRow < 0 ? opposite(row) : alongColumn > 0 ? column : opposite(column);
  const right = pick(xx, yx);
  const down = pick(xy, turnOf(view)[3]);
  return { right, left: opposite(right), bottom: down, top: opposite(down) };
}

const OPPOSITES: Record<string, string> = { L: 'R', R: 'L', A: 'P', P: 'A', H: 'F', F: 'H' };

function opposite(letters: string): string {
  return [...letters].map((one) => OPPOSITES[one] ?? one).join('');
}

function blend(one: Vector, a: number, two: Vector, b: number): Vector {
  return [one[0] * a + two[0] * b, one[1] * a + two[1] * b, one[2] * a + two[2] * b];
}

function negative(vector: Vector): Vector {
  return [-vector[0], -vector[1], -vector[2]];
}
