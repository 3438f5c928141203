import { batch, effect, signal } from '@preact/signals';
import type { KeyImage } from '../api/types';
import { number } from './dicom-json';
import { calibrationOf } from './calibration';
import { renderedUrl, type StudyPlace } from './dicomweb';
import { fidelity, pixelBudget_bytes } from './fidelity';
import { type Frame, isColour, rescaleOf, voiOf, type Window } from './frame';
import { FrameQueue, nearestFirst } from './frame-queue';
import type { FullSurface, Presentation } from './full-surface';
import type { Tool } from './hotkeys';
import { Playback } from './playback';
import { presetOfKey } from './presets';
import { RenderedLayer } from './rendered-layer';
import { RenderedPictures } from './rendered-pictures';
import { type Document, firstIndex, firstItem, type Item, type Stack } from './stack';
import { StudySeries } from './study-series';
import { type CanvasSize, flippedHorizontally, flippedVertically, matrixOf, panned, type PictureSize, turned, upright, type ViewTransform, zoomed } from './view-transform';
import { dragged } from './window';

export type Quality = 'rendered' | 'full';

export interface ShownFrame {
  frame: Frame;
  at: number;
  quality: Quality;
}

const LOAD_SLOTS = 5;
const RENDERED_AHEAD = 4;

/**
 * One viewport on one study. It alone owns what is shown and how; the two layers (rendered pictures, full fidelity) only draw what it says,
 * and panels only read its signals.
 */
export class Viewer {
  readonly series: StudySeries;
  readonly item = signal<Item | null>(null);
  /** The picture asked for, counted from 0; `shown` follows as fast as pixels come. */
  readonly index = signal(0);
  readonly shown = signal<ShownFrame | null>(null);
  readonly view = signal<ViewTransform>(upright);
  /** The window chosen by hand; null shows each picture with its own. */
  readonly chosenWindow = signal<Window | null>(null);
  readonly invert = signal(false);
  readonly tool = signal<Tool>('scroll');
  readonly overlay = signal(true);
  readonly problem = signal<unknown>(null);
  /** The study's series were looked through; without an item there is nothing to show. */
  readonly opened = signal(false);
  /** Pictures of the stack that are decoded; a new set whenever one comes. */
  readonly loaded = signal<ReadonlySet<number>>(new Set());
  /** Why full fidelity is not to be had here, when it is not. */
  readonly fullProblem = signal<'failed' | 'decode' | null>(null);
  readonly playback = new Playback(() => this.playStep());

  private readonly layer = new RenderedLayer();
  private readonly pictures = new RenderedPictures((url, error) => this.pictureCame(url, error));
  private surface: FullSurface | null = null;
  private surfaceHost: HTMLElement | null = null;
  private queue: FrameQueue | null = null;
  private canvas: CanvasSize = { width: 1, height: 1 };
  private direction: 1 | -1 = 1;
  private drawnUrl = '';
  private opening: Promise<void> | null = null;
  private readonly stops: (() => void)[] = [];
  private detached = false;

  constructor(readonly place: StudyPlace) {
    this.series = new StudySeries(place);
  }

  get stack(): Stack | null {
    const item = this.item.value;
    return item?.kind === 'stack' ? item : null;
  }

  get document(): Document | null {
    const item = this.item.value;
    return item && item.kind !== 'stack' ? item : null;
  }

  /** Lists the series and opens the first that is worth looking at. */
  async open(): Promise<void> {
    try {
      const entries = await this.series.list();
      for (const entry of entries) {
        const first = firstItem(await this.series.items(entry.series_instance_uid));
        const better = first?.kind === 'stack' && first.frames.length > 2;
        if (first && (!this.item.value || (better && !this.isWorthwhile()))) this.select(first);
        if (this.isWorthwhile()) break;
      }
      this.opened.value = true;
      void this.series.loadRest();
    } catch (error) {
      this.problem.value = error;
    }
  }

  /** Asks for the series again; what is shown stays. */
  async refresh(): Promise<void> {
    const at = this.shown.value?.frame;
    await this.series.list();
    const current = this.item.value;
    if (current && at) {
      const items = await this.series.items(current.series_instance_uid);
      const same = items.find((one) => one.id === current.id);
      if (same && same.kind === 'stack' && same.frames.length !== this.stack?.frames.length) {
        this.select(same, same.frames.findIndex((one) => one.key === at.key));
      }
    }
    void this.series.loadRest();
  }

  attach(host: HTMLElement): () => void {
    this.surfaceHost = document.createElement('div');
    this.surfaceHost.className = 'full-layer';
    host.append(this.surfaceHost, this.layer.canvas);
    const observer = new ResizeObserver(() => this.resize(host));
    observer.observe(host);
    this.resize(host);
    this.stops.push(
      () => observer.disconnect(),
      effect(() => {
        void this.view.value;
        void this.chosenWindow.value;
        void this.invert.value;
        this.redraw();
      }),
      effect(() => this.followFidelity()),
    );
    return () => this.detach();
  }

  private detach(): void {
    this.detached = true;
    this.playback.stop();
    for (const stop of this.stops) stop();
    this.queue?.stop();
    this.pictures.stop();
    this.series.stop();
    this.surface?.destroy();
    this.surface = null;
  }

  select(item: Item, at?: number): void {
    this.playback.stop();
    this.queue?.stop();
    batch(() => {
      const before = this.item.value;
      this.item.value = item;
      this.problem.value = null;
      if (before?.id !== item.id) {
        this.view.value = upright;
        this.chosenWindow.value = null;
        this.invert.value = false;
        if (item.kind !== 'stack') this.shown.value = null;
      }
      this.loaded.value = new Set();
      this.index.value = item.kind === 'stack' ? (at !== undefined && at >= 0 ? at : firstIndex(item)) : 0;
    });
    if (item.kind !== 'stack') return;
    this.playback.setRate(item.frame_rate);
    this.startQueue(item);
    this.present();
  }

  selectSeries(by: 1 | -1): void {
    const items = this.series.entries.value.flatMap((one) => one.items ?? []);
    const at = items.findIndex((one) => one.id === this.item.value?.id);
    const next = items[at + by];
    if (next) this.select(next);
  }

  goTo(at: number): void {
    const stack = this.stack;
    if (!stack) return;
    const next = Math.min(stack.frames.length - 1, Math.max(0, at));
    if (next === this.index.value) return;
    this.direction = next > this.index.value ? 1 : -1;
    this.index.value = next;
    this.wantFrames();
    this.present();
  }

  scroll(by: number): void {
    this.goTo(this.index.value + by);
  }

  async goToImage(image: Pick<KeyImage, 'series_instance_uid' | 'sop_instance_uid' | 'frame_number' | 'window'>): Promise<void> {
    const items = await this.series.items(image.series_instance_uid);
    for (const item of items) {
      if (item.kind !== 'stack') continue;
      const at = item.frames.findIndex((one) => one.instance.sop_instance_uid === image.sop_instance_uid && one.frame_number === image.frame_number);
      if (at < 0) continue;
      if (item.id !== this.item.value?.id) this.select(item, at);
      else this.goTo(at);
      if (image.window) this.chosenWindow.value = { center: image.window[0], width: image.window[1] };
    }
  }

  /** The picture shown now with the window it is shown in, to be put in the report. */
  keyImage(): Omit<KeyImage, 'caption'> | null {
    const shown = this.shown.value;
    if (!shown) return null;
    const window = this.chosenWindow.value;
    return {
      series_instance_uid: shown.frame.instance.series_instance_uid,
      sop_instance_uid: shown.frame.instance.sop_instance_uid,
      frame_number: shown.frame.frame_number,
      window: window ? [Math.round(window.center), Math.round(window.width)] : null,
    };
  }

  /** The window in which a picture is shown; null when only its pixels could tell and they are not here yet. */
  windowOf(frame: Frame): Window | null {
    if (isColour(frame.instance)) return null;
    const voi = voiOf(frame);
    const own = voi.lut ? undefined : voi.windows[0];
    return this.chosenWindow.value ?? own ?? this.surface?.valueWindow(frame) ?? null;
  }

  preset(key: number): void {
    const chosen = presetOfKey(this.item.value?.modality ?? '', key);
    if (chosen) this.setWindow(chosen);
    else this.headerWindow(key - 1);
  }

  setWindow(window: Window | null): void {
    const frame = this.shown.value?.frame;
    if (frame && isColour(frame.instance)) return;
    this.chosenWindow.value = window && { center: window.center, width: window.width };
  }

  /** Without presets of its own a modality offers the windows that its pictures bring. */
  private headerWindow(at: number): void {
    const frame = this.shown.value?.frame;
    const window = frame && voiOf(frame).windows[at];
    if (window) this.setWindow(window);
  }

  /** The window a drag starts from. */
  dragStart(): Window | null {
    const frame = this.shown.value?.frame;
    if (!frame || isColour(frame.instance)) return null;
    return this.windowOf(frame) ?? wholeRange(frame);
  }

  dragWindow(start: Window, dx: number, dy: number): void {
    this.setWindow(dragged(start, dx, dy));
  }

  zoomBy(factor: number, x?: number, y?: number): void {
    const picture = this.pictureSize();
    if (picture) this.view.value = zoomed(this.view.value, picture, this.canvas, factor, x, y);
  }

  panBy(dx: number, dy: number): void {
    const picture = this.pictureSize();
    if (picture) this.view.value = panned(this.view.value, picture, this.canvas, dx, dy);
  }

  rotate(degrees: number): void {
    this.view.value = turned(this.view.value, degrees);
  }

  flip(way: 'horizontal' | 'vertical'): void {
    this.view.value = way === 'horizontal' ? flippedHorizontally(this.view.value) : flippedVertically(this.view.value);
  }

  fit(): void {
    this.view.value = { ...this.view.value, zoom: 1, center: [0.5, 0.5] };
  }

  reset(): void {
    batch(() => {
      this.view.value = upright;
      this.chosenWindow.value = null;
      this.invert.value = false;
    });
  }

  setTool(tool: Tool): void {
    this.tool.value = tool;
    this.surface?.setTool(tool);
  }

  /** Measuring needs true pixels under the hand. */
  get canMeasure(): boolean {
    return this.surface !== null && this.shown.value?.quality === 'full';
  }

  deleteMeasurement(): void {
    this.surface?.deleteMeasurement();
  }

  pictureSize(): PictureSize | null {
    const frame = this.shown.value?.frame ?? this.stack?.frames[this.index.value];
    return frame ? sizeOf(frame) : null;
  }

  canvasSize(): CanvasSize {
    return this.canvas;
  }

  matrix(): ReturnType<typeof matrixOf> | null {
    const picture = this.pictureSize();
    return picture && matrixOf(this.view.value, picture, this.canvas);
  }

  /** What the screen shows, as pixels of the canvas on top. */
  async pixels(): Promise<ImageData | null> {
    const source = this.shown.value?.quality === 'full' ? this.surface?.canvas() : this.layer.canvas;
    if (!source) return null;
    const copy = new OffscreenCanvas(source.width, source.height);
    const context = copy.getContext('2d', { willReadFrequently: true });
    context?.drawImage(source, 0, 0);
    return context?.getImageData(0, 0, source.width, source.height) ?? null;
  }

  // ---- showing -----------------------------------------------------------------------------------------------------------------

  private isWorthwhile(): boolean {
    const stack = this.stack;
    return stack !== null && !/^(SR|DOC|PR|KO)$/.test(stack.modality) && stack.frames.length > 2;
  }

  private present(): void {
    const stack = this.stack;
    const frame = stack?.frames[this.index.value];
    if (!stack || !frame) return;
    if (this.surface?.isLoaded(frame)) void this.presentFull(this.index.value, frame);
    else this.presentRendered(this.index.value, frame);
  }

  private async presentFull(at: number, frame: Frame): Promise<void> {
    const drawn = await this.surface?.show(at, this.presentation(frame));
    if (!drawn || this.index.value !== at || this.stack?.frames[at] !== frame) return;
    this.shown.value = { frame, at, quality: 'full' };
    this.layer.show(false);
  }

  private presentRendered(at: number, frame: Frame): void {
    const url = this.urlOf(frame);
    if (this.pictures.get(url)) this.drawRendered(at, frame, url);
    else this.pictures.want(url);
    if (fidelity.value === 'rendered' || this.fullProblem.value) this.wantRenderedAhead(at);
  }

  private wantRenderedAhead(at: number): void {
    const stack = this.stack;
    if (!stack) return;
    for (const near of nearestFirst(at, stack.frames.length, this.direction, RENDERED_AHEAD)) {
      const frame = stack.frames[near];
      if (frame) this.pictures.want(this.urlOf(frame));
    }
  }

  private drawRendered(at: number, frame: Frame, url: string): void {
    const picture = this.pictures.get(url);
    if (!picture) return;
    const size = sizeOf(frame);
    this.layer.draw(picture, size, matrixOf(this.view.value, size, this.canvas), this.invert.value);
    this.layer.show(true);
    this.drawnUrl = url;
    this.shown.value = { frame, at, quality: 'rendered' };
  }

  private pictureCame(url: string, error: unknown): void {
    const stack = this.stack;
    if (!stack || this.detached) return;
    const wanted = stack.frames[this.index.value];
    if (error) {
      if (wanted && this.urlOf(wanted) === url && !this.surface?.isLoaded(wanted)) this.problem.value = error;
    } else {
      this.problem.value = null;
      this.showIfNearer(stack, url);
    }
    void this.openSurface();
  }

  /** A picture that came late is still shown when it is nearer to the one asked for than what is on the screen. */
  private showIfNearer(stack: Stack, url: string): void {
    const goal = this.index.value;
    const wanted = stack.frames[goal];
    const shown = this.shown.value;
    if (wanted && this.surface?.isLoaded(wanted)) return;
    if (wanted && this.urlOf(wanted) === url) {
      this.drawRendered(goal, wanted, url);
      return;
    }
    const at = stack.frames.findIndex((one) => this.urlOf(one) === url);
    const frame = stack.frames[at];
    const sameStack = shown && stack.frames[shown.at] === shown.frame;
    if (frame && (!sameStack || Math.abs(at - goal) < Math.abs(shown.at - goal))) this.drawRendered(at, frame, url);
  }

  private urlOf(frame: Frame): string {
    const window = this.chosenWindow.value;
    const { columns, rows } = frame.instance;
    const [width, height] = [rounded(this.canvas.width), rounded(this.canvas.height)];
    return renderedUrl(this.place, frame, {
      window: window && { ...window, function: voiOf(frame).function },
      viewport: columns <= width && rows <= height ? null : [Math.min(columns, width), Math.min(rows, height)],
    });
  }

  private redraw(): void {
    const shown = this.shown.peek();
    if (!shown) return;
    if (shown.quality === 'full') {
      this.surface?.present(this.presentation(shown.frame));
      return;
    }
    const url = this.urlOf(shown.frame);
    if (this.pictures.get(url)) this.drawRendered(shown.at, shown.frame, url);
    else {
      this.pictures.want(url);
      const old = this.pictures.get(this.drawnUrl);
      const size = sizeOf(shown.frame);
      if (old) this.layer.draw(old, size, matrixOf(this.view.peek(), size, this.canvas), this.invert.peek());
    }
  }

  private presentation(frame: Frame): Presentation {
    return { view: this.view.peek(), picture: sizeOf(frame), canvas: this.canvas, window: this.windowOf(frame), invert: this.invert.peek() };
  }

  private resize(host: HTMLElement): void {
    const { clientWidth: width, clientHeight: height } = host;
    if (width === 0 || height === 0) return;
    this.canvas = { width, height };
    this.layer.resize(width, height);
    this.surface?.resize();
    this.redraw();
  }

  // ---- full fidelity -----------------------------------------------------------------------------------------------------------

  private followFidelity(): void {
    if (fidelity.value === 'full') {
      if (this.shown.peek()) void this.openSurface();
    } else {
      this.queue?.stop();
      this.surface?.destroy();
      this.surface = null;
      this.opening = null;
      this.loaded.value = new Set();
      this.present();
    }
  }

  /** Fetches Cornerstone once the first picture is on the screen, so that it never delays it. */
  private openSurface(): Promise<void> {
    if (fidelity.peek() !== 'full' || !this.surfaceHost || this.surface) return Promise.resolve();
    this.opening ??= this.createSurface(this.surfaceHost);
    return this.opening;
  }

  private async createSurface(host: HTMLElement): Promise<void> {
    try {
      const { CornerstoneSurface } = await import('./cornerstone/surface');
      const surface = await CornerstoneSurface.create(host, this.place, pixelBudget_bytes());
      if (this.detached || fidelity.peek() !== 'full') {
        surface.destroy();
        return;
      }
      this.surface = surface;
      surface.setTool(this.tool.peek());
      this.fullProblem.value = null;
      const stack = this.stack;
      if (stack) this.startQueue(stack);
    } catch (error) {
      console.info('Full fidelity is not available.', error);
      this.fullProblem.value = 'failed';
    }
  }

  private startQueue(stack: Stack): void {
    const surface = this.surface;
    this.queue?.stop();
    if (!surface) return;
    surface.setFrames(stack.frames);
    const has = (at: number): boolean => {
      const frame = stack.frames[at];
      return frame !== undefined && surface.isLoaded(frame);
    };
    this.queue = new FrameQueue(
      LOAD_SLOTS,
      has,
      async (at, signal) => {
        const frame = stack.frames[at];
        if (frame) await surface.load(frame, signal);
      },
      (at, error) => this.frameCame(stack, at, error),
    );
    this.loaded.value = new Set(stack.frames.map((_, one) => one).filter(has));
    this.wantFrames();
    this.present();
  }

  private frameCame(stack: Stack, at: number, error: unknown): void {
    if (this.stack !== stack) return;
    if (error) {
      console.info('A frame could not be decoded here; the rendering stays.', error);
      if (at === this.index.value) this.fullProblem.value = 'decode';
      return;
    }
    const surface = this.surface;
    this.loaded.value = new Set([...this.loaded.value, at].filter((one) => stack.frames[one] && surface?.isLoaded(stack.frames[one])));
    if (at === this.index.value) {
      this.fullProblem.value = null;
      this.present();
    }
  }

  private wantFrames(): void {
    const stack = this.stack;
    const frame = stack?.frames[this.index.value];
    if (!stack || !frame) return;
    const bytes = frame.instance.rows * frame.instance.columns * (isColour(frame.instance) ? 4 : 2);
    const limit = Math.max(8, Math.floor((pixelBudget_bytes() * 0.9) / Math.max(1, bytes)));
    this.queue?.want(nearestFirst(this.index.value, stack.frames.length, this.direction, limit));
  }

  private playStep(): void {
    const stack = this.stack;
    if (!stack || stack.frames.length < 2) return;
    const next = (this.index.value + 1) % stack.frames.length;
    this.direction = 1;
    this.index.value = next;
    this.wantFrames();
    this.present();
  }
}

/** Picture sizes asked of the server come in steps, so that a dragged panel border does not ask for each width. */
function rounded(size: number): number {
  return Math.ceil(size / 128) * 128;
}

export function sizeOf(frame: Frame): PictureSize {
  const calibration = calibrationOf(frame);
  return { columns: frame.instance.columns, rows: frame.instance.rows, column_spacing: calibration.column_mm, row_spacing: calibration.row_mm };
}

/** The whole range that stored values could take, in output units. */
function wholeRange(frame: Frame): Window {
  const { slope, intercept } = rescaleOf(frame);
  const bits = number(frame.instance.dataset, '00280101') ?? 8;
  const signed = number(frame.instance.dataset, '00280103') === 1;
  const width = 2 ** bits;
  return { center: (signed ? 0 : width / 2) * slope + intercept, width: width * slope };
}
