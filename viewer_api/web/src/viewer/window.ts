import type { VoiFunction, Window } from './frame';

/** The stored values drawn black and white under a window (PS3.3 C.11.2.1.2.1 LINEAR, C.11.2.1.3.2 LINEAR_EXACT). */
export function voiRange({ center, width }: Window, kind: VoiFunction): { lower: number; upper: number } {
  if (kind === 'LINEAR') {
    const half = (width - 1) / 2;
    return { lower: center - 0.5 - half, upper: center - 0.5 + half };
  }
  return { lower: center - width / 2, upper: center + width / 2 };
}

export function windowOfRange(low: number, high: number): Window {
  return { center: (low + high + 1) / 2, width: Math.max(1, high - low + 1) };
}

/** A drag of (dx, dy) CSS pixels: right widens, down brightens; the step follows the width so that every modality feels alike. */
export function dragged(start: Window, dx: number, dy: number): Window {
  const step = Math.max(start.width, 20) / 400;
  return { width: Math.max(1, start.width + dx * step), center: start.center + dy * step };
}
