import { signal } from '@preact/signals';
import type { StudyPlace } from './dicomweb';
import { fidelity, pixelBudget_bytes } from './fidelity';
import { type Frame, isColour, type Window } from './frame';
import { FrameQueue } from './frame-queue';
import type { FullSurface, Presentation } from './full-surface';
import type { Tool } from './hotkeys';
import type { Selection } from './selection';
import type { Stack } from './stack';

const LOAD_SLOTS = 5;

/** Full fidelity: the surface that draws stored pixels, and the frames of the open stack being decoded for it, nearest first. */
export class FullFidelity {
  /** Pictures of the stack that are decoded; a new set whenever one comes. */
  readonly loaded = signal<ReadonlySet<number>>(new Set());
  /** Why full fidelity is not to be had here, when it is not. */
  readonly problem = signal<'failed' | 'decode' | null>(null);
  private surface: FullSurface | null = null;
  private host: HTMLElement | null = null;
  private queue: FrameQueue | null = null;
  private opening: Promise<void> | null = null;
  private tool: Tool = 'scroll';
  private stopped = false;

  constructor(
    private readonly place: StudyPlace,
    private readonly selection: Selection,
    private readonly presentation: (frame: Frame) => Presentation,
    /** The picture asked for can be presented better than before. */
    private readonly onBetter: () => void,
  ) {}

  get isOpen(): boolean {
    return this.surface !== null;
  }

  attach(host: HTMLElement): void {
    this.host = document.createElement('div');
    this.host.className = 'full-layer';
    host.append(this.host);
  }

  /** Fetches Cornerstone once the first picture is on the screen, so that it never delays it. */
  open(): Promise<void> {
    if (fidelity.peek() !== 'full' || !this.host || this.surface) return Promise.resolve();
    this.opening ??= this.createSurface(this.host);
    return this.opening;
  }

  close(): void {
    this.queue?.stop();
    this.surface?.destroy();
    this.surface = null;
    this.opening = null;
    this.loaded.value = new Set();
  }

  stop(): void {
    this.stopped = true;
    this.queue?.stop();
    this.surface?.destroy();
    this.surface = null;
  }

  /** The stack opened before is left. */
  leave(): void {
    this.queue?.stop();
    this.loaded.value = new Set();
  }

  /** Loads the stack's frames, as soon as there is a surface. */
  follow(stack: Stack): void {
    const surface = this.surface;
    this.queue?.stop();
    if (!surface) return;
    surface.setFrames(stack.frames);
    this.queue = this.queueOf(stack, surface);
    this.loaded.value = new Set(stack.frames.flatMap((one, at) => (surface.isLoaded(one) ? [at] : [])));
    this.want();
  }

  /** Tells the queue where the reader is now. */
  want(): void {
    const frame = this.selection.wanted;
    if (frame) this.queue?.want(this.selection.nearest(mostFrames(frame)));
  }

  isLoaded(frame: Frame): boolean {
    return this.surface?.isLoaded(frame) ?? false;
  }

  /** Resolves true when the frame is on the screen. */
  async show(at: number, frame: Frame): Promise<boolean> {
    return (await this.surface?.show(at, this.presentation(frame))) ?? false;
  }

  redraw(frame: Frame): void {
    this.surface?.present(this.presentation(frame));
  }

  resize(): void {
    this.surface?.resize();
  }

  valueWindow(frame: Frame): Window | null {
    return this.surface?.valueWindow(frame) ?? null;
  }

  setTool(tool: Tool): void {
    this.tool = tool;
    this.surface?.setTool(tool);
  }

  deleteMeasurement(): void {
    this.surface?.deleteMeasurement();
  }

  canvas(): HTMLCanvasElement | null {
    return this.surface?.canvas() ?? null;
  }

  private async createSurface(host: HTMLElement): Promise<void> {
    try {
      const { CornerstoneSurface } = await import('./cornerstone/surface');
      const surface = await CornerstoneSurface.create(host, this.place, pixelBudget_bytes());
      if (this.stopped || fidelity.peek() !== 'full') surface.destroy();
      else this.take(surface);
    } catch (error) {
      console.info('Full fidelity is not available.', error);
      this.problem.value = 'failed';
    }
  }

  private take(surface: FullSurface): void {
    this.surface = surface;
    surface.setTool(this.tool);
    this.problem.value = null;
    const stack = this.selection.stack;
    if (!stack) return;
    this.follow(stack);
    this.onBetter();
  }

  private queueOf(stack: Stack, surface: FullSurface): FrameQueue {
    return new FrameQueue(
      LOAD_SLOTS,
      (at) => {
        const frame = stack.frames[at];
        return frame !== undefined && surface.isLoaded(frame);
      },
      async (at, signal) => {
        const frame = stack.frames[at];
        if (frame) await surface.load(frame, signal);
      },
      (at, error) => this.frameCame(stack, at, error),
    );
  }

  private frameCame(stack: Stack, at: number, error: unknown): void {
    if (this.selection.stack !== stack) return;
    const isWanted = at === this.selection.index.value;
    if (error) {
      console.info('A frame could not be decoded here; the rendering stays.', error);
      if (isWanted) this.problem.value = 'decode';
      return;
    }
    this.loaded.value = new Set([...this.loaded.value, at].filter((one) => stack.frames[one] && this.isLoaded(stack.frames[one])));
    if (!isWanted) return;
    this.problem.value = null;
    this.onBetter();
  }
}

/** As many frames of this size as fit in nine tenths of the memory for pixels. */
function mostFrames({ instance }: Frame): number {
  const bytes = instance.rows * instance.columns * (isColour(instance) ? 4 : 2);
  return Math.max(8, Math.floor((pixelBudget_bytes() * 0.9) / Math.max(1, bytes)));
}
