import { cache, Enums, RenderingEngine, type Types } from '@cornerstonejs/core';
import type { StudyPlace } from '../dicomweb';
import { type Frame, isColour, voiOf, type Window } from '../frame';
import type { FullSurface, Presentation } from '../full-surface';
import type { Tool } from '../hotkeys';
import { windowOfRange } from '../window';
import { type Drawing, HardwareDrawing, PlainDrawing } from './drawing';
import { loadFrame } from './frame-loader';
import { Measurements } from './measurements';
import { isPlain, metadata, startCornerstone } from './start';

const VIEWPORT = 'reading';
let engines = 0;

/** The stack viewport of Cornerstone3D, driven by our view: it decides nothing about place, zoom or window itself. */
export class CornerstoneSurface implements FullSurface {
  private frames: Frame[] = [];
  private shownKey: string | null = null;
  private stackSet = false;
  private waiting: { key: string; resolve: (drawn: boolean) => void } | null = null;

  static async create(host: HTMLElement, place: StudyPlace, budget_bytes: number): Promise<CornerstoneSurface> {
    await startCornerstone(budget_bytes);
    return new CornerstoneSurface(host, place);
  }

  private readonly engine: RenderingEngine;
  private readonly viewport: Types.IStackViewport;
  private readonly measurements: Measurements;
  private readonly drawing: Drawing = isPlain() ? new PlainDrawing() : new HardwareDrawing();

  private constructor(
    private readonly host: HTMLElement,
    private readonly place: StudyPlace,
  ) {
    const id = `farlight-${++engines}`;
    this.engine = new RenderingEngine(id);
    this.engine.enableElement({ viewportId: VIEWPORT, type: Enums.ViewportType.STACK, element: host as HTMLDivElement, defaultOptions: { background: [0, 0, 0] } });
    this.viewport = this.engine.getViewport(VIEWPORT) as Types.IStackViewport;
    this.measurements = new Measurements(host, id, VIEWPORT);
    host.addEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
  }

  setFrames(frames: Frame[]): void {
    this.frames = frames;
    this.stackSet = false;
    this.settle(false);
    for (const frame of frames) metadata.add(frame);
  }

  isLoaded(frame: Frame): boolean {
    return cache.isLoaded(frame.key);
  }

  async load(frame: Frame, signal: AbortSignal): Promise<void> {
    const image = await loadFrame(this.place, frame, metadata, signal);
    if (!cache.isLoaded(frame.key) && metadata.frame(frame.key)) cache.putImageSync(frame.key, image);
  }

  async show(at: number, presentation: Presentation): Promise<boolean> {
    const frame = this.frames[at];
    if (!frame) return false;
    this.settle(false);
    const drawn = new Promise<boolean>((resolve) => (this.waiting = { key: frame.key, resolve }));
    if (this.stackSet) await this.viewport.setImageIdIndex(at);
    else {
      this.stackSet = true;
      await this.viewport.setStack(
        this.frames.map((one) => one.key),
        at,
      );
    }
    if (this.waiting?.key !== frame.key) return false;
    this.shownKey = frame.key;
    this.present(presentation);
    return drawn;
  }

  present(presentation: Presentation): void {
    const frame = this.shownKey ? metadata.frame(this.shownKey) : undefined;
    const image = frame && cache.getImage(frame.key);
    if (frame && image) this.drawing.draw(this.viewport, frame, image, presentation, presentation.window ?? this.valueWindow(frame));
  }

  valueWindow(frame: Frame): Window | null {
    if (isColour(frame.instance)) return null;
    const image = cache.getImage(frame.key);
    if (!image) return null;
    const voi = voiOf(frame);
    if (voi.lut) return { center: Number(image.windowCenter), width: Number(image.windowWidth) };
    return windowOfRange(image.minPixelValue, image.maxPixelValue);
  }

  setTool(tool: Tool): void {
    this.measurements.use(tool === 'length');
  }

  deleteMeasurement(): void {
    this.measurements.deleteLast();
    this.viewport.render();
  }

  canvas(): HTMLCanvasElement | null {
    return this.host.querySelector('canvas');
  }

  resize(): void {
    this.engine.resize(true, true);
  }

  destroy(): void {
    this.settle(false);
    this.host.removeEventListener(Enums.Events.IMAGE_RENDERED, this.rendered);
    this.measurements.destroy();
    this.engine.destroy();
    metadata.clear();
    cache.purgeCache();
  }

  private readonly rendered = (): void => {
    if (this.waiting && this.viewport.getCurrentImageId() === this.waiting.key && this.shownKey === this.waiting.key) this.settle(true);
  };

  private settle(drawn: boolean): void {
    this.waiting?.resolve(drawn);
    this.waiting = null;
  }
}
