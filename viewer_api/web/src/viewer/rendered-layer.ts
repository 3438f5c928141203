import type { Matrix, PictureSize } from './view-transform';

/** The canvas above the full-fidelity one, on which the server's rendering is drawn until the real pixels are there. */
export class RenderedLayer {
  readonly canvas = document.createElement('canvas');

  constructor() {
    this.canvas.className = 'rendered-layer';
    this.canvas.dataset['testid'] = 'rendered-layer';
  }

  resize(width: number, height: number): void {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
  }

  draw(picture: ImageBitmap, size: PictureSize, matrix: Matrix, invert: boolean): void {
    const context = this.canvas.getContext('2d');
    if (!context) return;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const [a, b, c, d, e, f] = matrix;
    context.setTransform(a * ratio, b * ratio, c * ratio, d * ratio, e * ratio, f * ratio);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(picture, 0, 0, size.columns, size.rows);
    if (invert) {
      context.globalCompositeOperation = 'difference';
      context.fillStyle = '#fff';
      context.fillRect(0, 0, size.columns, size.rows);
      context.globalCompositeOperation = 'source-over';
    }
  }

  show(visible: boolean): void {
    this.canvas.style.visibility = visible ? 'visible' : 'hidden';
  }
}
