import { renderedUrl, type StudyPlace } from './dicomweb';
import { type Frame, voiOf } from './frame';
import { sizeOf } from './picture-size';
import { RenderedLayer } from './rendered-layer';
import { RenderedPictures } from './rendered-pictures';
import type { Selection, ShownFrame } from './selection';
import type { View } from './view';
import { matrixOf } from './view-transform';
import type { Windowing } from './windowing';

const AHEAD = 4;

/** Shows the server's renderings: which one to ask for, and which one to draw while others are on their way. */
export class RenderedFidelity {
  readonly layer = new RenderedLayer();
  private readonly pictures;
  private drawnUrl = '';

  constructor(
    private readonly place: StudyPlace,
    private readonly selection: Selection,
    private readonly view: View,
    private readonly windowing: Windowing,
    onPicture: (url: string, error: unknown) => void,
  ) {
    this.pictures = new RenderedPictures(onPicture);
  }

  present(at: number, frame: Frame): void {
    const url = this.urlOf(frame);
    if (this.pictures.get(url)) this.draw(at, frame, url);
    else this.pictures.want(url);
  }

  wantAhead(): void {
    const frames = this.selection.stack?.frames ?? [];
    for (const near of this.selection.nearest(AHEAD)) {
      const frame = frames[near];
      if (frame) this.pictures.want(this.urlOf(frame));
    }
  }

  /** A picture that came late is still shown when it is nearer to the one asked for than what is on the screen. */
  showIfNearer(url: string): void {
    const frames = this.selection.stack?.frames ?? [];
    const goal = this.selection.index.value;
    const wanted = frames[goal];
    if (wanted && this.urlOf(wanted) === url) {
      this.draw(goal, wanted, url);
      return;
    }
    const at = frames.findIndex((one) => this.urlOf(one) === url);
    const frame = frames[at];
    const shown = this.selection.shown.value;
    const sameStack = shown && frames[shown.at] === shown.frame;
    if (frame && (!sameStack || Math.abs(at - goal) < Math.abs(shown.at - goal))) this.draw(at, frame, url);
  }

  /** After a change of view or window; the old picture serves until the new one comes. */
  redraw({ at, frame }: ShownFrame): void {
    const url = this.urlOf(frame);
    if (this.pictures.get(url)) {
      this.draw(at, frame, url);
      return;
    }
    this.pictures.want(url);
    const old = this.pictures.get(this.drawnUrl);
    if (old) this.paint(old, frame);
  }

  urlOf(frame: Frame): string {
    const window = this.windowing.chosen.value;
    const { columns, rows } = frame.instance;
    const [width, height] = [rounded(this.view.canvas.width), rounded(this.view.canvas.height)];
    return renderedUrl(this.place, frame, {
      window: window && { ...window, function: voiOf(frame).function },
      viewport: columns <= width && rows <= height ? null : [Math.min(columns, width), Math.min(rows, height)],
    });
  }

  stop(): void {
    this.pictures.stop();
  }

  private draw(at: number, frame: Frame, url: string): void {
    const picture = this.pictures.get(url);
    if (!picture) return;
    this.paint(picture, frame);
    this.layer.show(true);
    this.drawnUrl = url;
    this.selection.shown.value = { frame, at, quality: 'rendered' };
  }

  private paint(picture: ImageBitmap, frame: Frame): void {
    const size = sizeOf(frame);
    this.layer.draw(picture, size, matrixOf(this.view.transform.value, size, this.view.canvas), this.windowing.invert.value);
  }
}

/** Picture sizes asked of the server come in steps, so that a dragged panel border does not ask for each width. */
function rounded(size: number): number {
  return Math.ceil(size / 128) * 128;
}
