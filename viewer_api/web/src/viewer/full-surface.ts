import type { Frame, Window } from './frame';
import type { Tool } from './hotkeys';
import type { CanvasSize, PictureSize, ViewTransform } from './view-transform';

export interface Presentation {
  view: ViewTransform;
  picture: PictureSize;
  canvas: CanvasSize;
  /** null leaves the picture's own values as they are (colour). */
  window: Window | null;
  invert: boolean;
}

/** Draws decoded pixels at full fidelity. Implemented on Cornerstone3D, which is fetched only when a viewer opens. */
export interface FullSurface {
  setFrames(frames: Frame[]): void;
  isLoaded(frame: Frame): boolean;
  /** Whether the pixels are those of the stored object, bit for bit, or came through a lossy compression. */
  load(frame: Frame, signal: AbortSignal): Promise<void>;
  /** Resolves true when the frame is on the screen, false when another one was asked meanwhile. */
  show(at: number, presentation: Presentation): Promise<boolean>;
  present(presentation: Presentation): void;
  /** The window that the pixel values themselves suggest, in output units; null when not decoded. */
  valueWindow(frame: Frame): Window | null;
  setTool(tool: Tool): void;
  /** Deletes the chosen measurement, else the last one on the picture shown. */
  deleteMeasurement(): void;
  canvas(): HTMLCanvasElement | null;
  resize(): void;
  destroy(): void;
}
