import { signal } from '@preact/signals';
import { number } from './dicom-json';
import { type Frame, isColour, rescaleOf, voiOf, type Window } from './frame';
import { presetOfKey } from './presets';
import type { Selection } from './selection';
import { dragged } from './window';

/** Which grey values are drawn black and white, and whether the two are swapped. */
export class Windowing {
  /** The window chosen by hand; null shows each picture with its own. */
  readonly chosen = signal<Window | null>(null);
  readonly invert = signal(false);

  constructor(
    private readonly selection: Selection,
    /** The window that decoded pixels suggest, see `FullSurface.valueWindow`. */
    private readonly valueWindow: (frame: Frame) => Window | null,
  ) {}

  /** The window in which a picture is shown; null when only its pixels could tell and they are not here yet. */
  of(frame: Frame): Window | null {
    if (isColour(frame.instance)) return null;
    const voi = voiOf(frame);
    const own = voi.lut ? undefined : voi.windows[0];
    return this.chosen.value ?? own ?? this.valueWindow(frame);
  }

  choose(window: Window | null): void {
    const frame = this.selection.shown.value?.frame;
    if (frame && isColour(frame.instance)) return;
    this.chosen.value = window && { center: window.center, width: window.width };
  }

  preset(key: number): void {
    const chosen = presetOfKey(this.selection.item.value?.modality ?? '', key);
    if (chosen) this.choose(chosen);
    else this.chooseOwn(key - 1);
  }

  /** The window a drag starts from. */
  dragStart(): Window | null {
    const frame = this.selection.shown.value?.frame;
    if (!frame || isColour(frame.instance)) return null;
    return this.of(frame) ?? wholeRange(frame);
  }

  drag(start: Window, dx: number, dy: number): void {
    this.choose(dragged(start, dx, dy));
  }

  toggleInvert(): void {
    this.invert.value = !this.invert.value;
  }

  reset(): void {
    this.chosen.value = null;
    this.invert.value = false;
  }

  /** Without presets of its own a modality offers the windows that its pictures bring. */
  private chooseOwn(at: number): void {
    const frame = this.selection.shown.value?.frame;
    const window = frame && voiOf(frame).windows[at];
    if (window) this.choose(window);
  }
}

/** The whole range that stored values could take, in output units. */
function wholeRange(frame: Frame): Window {
  const { slope, intercept } = rescaleOf(frame);
  const bits = number(frame.instance.dataset, '00280101') ?? 8;
  const signed = number(frame.instance.dataset, '00280103') === 1;
  const width = 2 ** bits;
  return { center: (signed ? 0 : width / 2) * slope + intercept, width: width * slope };
}
