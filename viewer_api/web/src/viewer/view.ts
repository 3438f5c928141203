import { signal } from '@preact/signals';
import { sizeOf } from './picture-size';
import type { Selection } from './selection';
import { type CanvasSize, flippedHorizontally, flippedVertically, type Matrix, matrixOf, panned, type PictureSize, turned, upright, type ViewTransform, zoomed } from './view-transform';

/** How the picture lies on the canvas, as the reader zoomed, moved, turned and mirrored it. */
export class View {
  readonly transform = signal<ViewTransform>(upright);
  canvas: CanvasSize = { width: 1, height: 1 };

  constructor(private readonly selection: Selection) {}

  zoomBy(factor: number, x?: number, y?: number): void {
    const picture = this.picture();
    if (picture) this.transform.value = zoomed(this.transform.value, picture, this.canvas, factor, x, y);
  }

  panBy(dx: number, dy: number): void {
    const picture = this.picture();
    if (picture) this.transform.value = panned(this.transform.value, picture, this.canvas, dx, dy);
  }

  rotate(degrees: number): void {
    this.transform.value = turned(this.transform.value, degrees);
  }

  flip(way: 'horizontal' | 'vertical'): void {
    this.transform.value = way === 'horizontal' ? flippedHorizontally(this.transform.value) : flippedVertically(this.transform.value);
  }

  fit(): void {
    this.transform.value = { ...this.transform.value, zoom: 1, center: [0.5, 0.5] };
  }

  reset(): void {
    this.transform.value = upright;
  }

  matrix(): Matrix | null {
    const picture = this.picture();
    return picture && matrixOf(this.transform.value, picture, this.canvas);
  }

  private picture(): PictureSize | null {
    const frame = this.selection.shown.value?.frame ?? this.selection.wanted;
    return frame ? sizeOf(frame) : null;
  }
}
