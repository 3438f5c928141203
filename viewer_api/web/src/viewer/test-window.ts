import type { Viewer } from './viewer';

/** What tests and support may ask of the open viewer from the browser's console (`window.farlight`). */
export interface FarlightWindow {
  viewport: () => {
    series_instance_uid: string;
    sop_instance_uid: string;
    frame_number: number;
    quality: 'rendered' | 'full';
    /** [center, width], null for colour. */
    window: [number, number] | null;
    zoom: number;
    invert: boolean;
    /** Where the picture lies in `pixels()`: left, top, width, height. */
    image_rect: [number, number, number, number];
    loaded: number;
    count: number;
  } | null;
  pixels: () => Promise<{ width: number; height: number; data: Uint8ClampedArray } | null>;
}

declare global {
  interface Window {
    farlight?: FarlightWindow;
  }
}

export function exposeViewer(viewer: Viewer): () => void {
  window.farlight = {
    viewport: () => describe(viewer),
    pixels: async () => {
      const canvas = viewer.topCanvas();
      return canvas && pixelsOf(canvas);
    },
  };
  return () => {
    delete window.farlight;
  };
}

function pixelsOf(canvas: HTMLCanvasElement): { width: number; height: number; data: Uint8ClampedArray } | null {
  const { width, height } = canvas;
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(canvas, 0, 0);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

function describe(viewer: Viewer): ReturnType<FarlightWindow['viewport']> {
  const shown = viewer.shown.value;
  const matrix = viewer.view.matrix();
  if (!shown || !matrix) return null;
  const { instance, frame_number } = shown.frame;
  const chosen = viewer.windowing.of(shown.frame);
  const ratio = window.devicePixelRatio || 1;
  const [a, b, c, d, e, f] = matrix;
  const xs = [e, e + a * instance.columns, e + c * instance.rows, e + a * instance.columns + c * instance.rows];
  const ys = [f, f + b * instance.columns, f + d * instance.rows, f + b * instance.columns + d * instance.rows];
  const [left, top] = [Math.min(...xs) * ratio, Math.min(...ys) * ratio];
  return {
    series_instance_uid: instance.series_instance_uid,
    sop_instance_uid: instance.sop_instance_uid,
    frame_number,
    quality: shown.quality,
    window: chosen ? [chosen.center, chosen.width] : null,
    zoom: viewer.view.transform.value.zoom,
    invert: viewer.windowing.invert.value,
    image_rect: [left, top, Math.max(...xs) * ratio - left, Math.max(...ys) * ratio - top],
    loaded: viewer.full.loaded.value.size,
    count: viewer.stack?.frames.length ?? 0,
  };
}
