import type { Types } from '@cornerstonejs/core';
import type { VoiFunction, Window } from '../frame';
import type { Matrix } from '../view-transform';
import { greyOf, greyTable, word } from './grey-table';

export interface Painting {
  image: Types.IImage;
  window: Window;
  function: VoiFunction;
  invert: boolean;
  /** Picture points to device pixels. */
  matrix: Matrix;
}

const LARGEST_TABLE = 1 << 16;

/** Draws decoded values on a plain canvas: windowed once at the picture's own size, then placed by the canvas itself. */
export class Painter {
  private readonly picture = document.createElement('canvas');
  private drawn = '';
  private table: Uint32Array = new Uint32Array(0);
  private tableOf = '';

  paint(canvas: HTMLCanvasElement, painting: Painting): void {
    const context = canvas.getContext('2d');
    if (!context) return;
    this.fill(painting);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.setTransform(...painting.matrix);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = shrinks(painting.matrix) ? 'medium' : 'low';
    context.drawImage(this.picture, 0, 0);
  }

  private fill({ image, window, function: kind, invert }: Painting): void {
    const state = [image.imageId, window.center, window.width, kind, invert].join('/');
    if (state === this.drawn) return;
    this.drawn = state;
    if (this.picture.width !== image.columns || this.picture.height !== image.rows) {
      this.picture.width = image.columns;
      this.picture.height = image.rows;
    }
    // A canvas that is written and read by the processor stays in its memory.
    const context = this.picture.getContext('2d', { willReadFrequently: true });
    if (!context) return;
    const data = context.createImageData(image.columns, image.rows);
    const words = new Uint32Array(data.data.buffer);
    if (image.color) colourWords(image, words, invert);
    else this.greyWords(image, words, window, kind, invert);
    context.putImageData(data, 0, 0);
  }

  private greyWords(image: Types.IImage, words: Uint32Array, window: Window, kind: VoiFunction, invert: boolean): void {
    const values = image.getPixelData();
    const [low, high] = [image.minPixelValue, image.maxPixelValue];
    if (values instanceof Float32Array || high - low >= LARGEST_TABLE) {
      for (let at = 0; at < values.length; at++) {
        const grey = Math.round(greyOf(values[at] ?? 0, window, kind));
        words[at] = word(invert ? 255 - grey : grey);
      }
      return;
    }
    const tableOf = [low, high, window.center, window.width, kind, invert].join('/');
    if (tableOf !== this.tableOf) {
      this.table = greyTable(low, high, window, kind, invert);
      this.tableOf = tableOf;
    }
    const table = this.table;
    for (let at = 0; at < values.length; at++) words[at] = table[(values[at] as number) - low] as number;
  }
}

function colourWords(image: Types.IImage, words: Uint32Array, invert: boolean): void {
  const bytes = image.getPixelData();
  const step = bytes.length / words.length;
  const flip = invert ? 0xffffff : 0;
  for (let at = 0, from = 0; at < words.length; at++, from += step) {
    const rgb = ((bytes[from + 2] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from] as number);
    words[at] = (0xff000000 | (rgb ^ flip)) >>> 0;
  }
}

function shrinks([a, b]: Matrix): boolean {
  return Math.hypot(a, b) < 0.9;
}
