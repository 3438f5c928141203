import type { VoiFunction, Window } from '../frame';

/** The grey (0-255) that a window gives to a value, by PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT). */
export function greyOf(value: number, { center, width }: Window, kind: VoiFunction): number {
  if (kind === 'SIGMOID') return 255 / (1 + Math.exp((-4 * (value - center)) / width));
  if (kind === 'LINEAR_EXACT') return clamp(((value - center) / width + 0.5) * 255);
  if (width <= 1) return value <= center - 0.5 ? 0 : 255;
  return clamp(((value - (center - 0.5)) / (width - 1) + 0.5) * 255);
}

function clamp(grey: number): number {
  return grey < 0 ? 0 : grey > 255 ? 255 : grey;
}

/** Canvas words (opaque, little endian RGBA) of every whole value from `low` to `high`. */
export function greyTable(low: number, high: number, window: Window, kind: VoiFunction, invert: boolean): Uint32Array {
  const table = new Uint32Array(high - low + 1);
  for (let at = 0; at < table.length; at++) {
    const grey = Math.round(greyOf(low + at, window, kind));
    table[at] = word(invert ? 255 - grey : grey);
  }
  return table;
}

export function word(grey: number): number {
  return (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
}
