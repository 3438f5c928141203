import { batch, effect, signal } from '@preact/signals';
import type { StudyPlace } from './dicomweb';
import { fidelity } from './fidelity';
import type { Frame } from './frame';
import { FullFidelity } from './full-fidelity';
import type { Presentation } from './full-surface';
import type { Tool } from './hotkeys';
import { sizeOf } from './picture-size';
import { Playback } from './playback';
import { RenderedFidelity } from './rendered-fidelity';
import { Selection } from './selection';
import { type Document, firstItem, type Item, type Stack } from './stack';
import { StudySeries } from './study-series';
import { View } from './view';
import { Windowing } from './windowing';

/**
 * One viewport on one study. It alone owns what is shown (`Selection`) and how (`View`, `Windowing`); the two fidelities only draw what these
 * say, and panels only read their signals.
 */
export class Viewer {
  readonly series: StudySeries;
  private readonly selection = new Selection();
  readonly item = this.selection.item;
  readonly index = this.selection.index;
  readonly shown = this.selection.shown;
  readonly view = new View(this.selection);
  readonly windowing = new Windowing(this.selection, (frame) => this.full.valueWindow(frame));
  readonly tool = signal<Tool>('scroll');
  readonly overlay = signal(true);
  readonly problem = signal<unknown>(null);
  /** The study's series were looked through; without an item there is nothing to show. */
  readonly opened = signal(false);
  readonly playback = new Playback(() => this.playStep());
  readonly full: FullFidelity;

  private readonly rendered: RenderedFidelity;
  private readonly stops: (() => void)[] = [];
  private detached = false;

  constructor(readonly place: StudyPlace) {
    this.series = new StudySeries(place);
    this.rendered = new RenderedFidelity(place, this.selection, this.view, this.windowing, (url, error) => this.pictureCame(url, error));
    this.full = new FullFidelity(
      place,
      this.selection,
      (frame) => this.presentation(frame),
      () => this.present(),
    );
  }

  get stack(): Stack | null {
    return this.selection.stack;
  }

  get document(): Document | null {
    return this.selection.document;
  }

  // ---- what is shown -----------------------------------------------------------------------------------------------------------

  /** Lists the series and opens the first that is worth looking at. */
  async open(): Promise<void> {
    try {
      const entries = await this.series.list();
      for (const entry of entries) {
        const first = firstItem(await this.series.items(entry.series_instance_uid));
        const better = first?.kind === 'stack' && first.frames.length > 2;
        if (first && (!this.item.value || (better && !this.selection.isWorthwhile))) this.select(first);
        if (this.selection.isWorthwhile) break;
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

  select(item: Item, at?: number): void {
    this.playback.stop();
    batch(() => {
      const before = this.item.value;
      this.full.leave();
      this.problem.value = null;
      this.selection.open(item, at);
      if (before?.id === item.id) return;
      this.reset();
      if (item.kind !== 'stack') this.shown.value = null;
    });
    if (item.kind !== 'stack') return;
    this.playback.setRate(item.frame_rate);
    this.full.follow(item);
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
    if (next !== this.index.value) this.move(next, next > this.index.value ? 1 : -1);
  }

  scroll(by: number): void {
    this.goTo(this.index.value + by);
  }

  reset(): void {
    batch(() => {
      this.view.reset();
      this.windowing.reset();
    });
  }

  setTool(tool: Tool): void {
    this.tool.value = tool;
    this.full.setTool(tool);
  }

  /** Measuring needs true pixels under the hand. */
  get canMeasure(): boolean {
    return this.full.isOpen && this.shown.value?.quality === 'full';
  }

  private playStep(): void {
    const count = this.stack?.frames.length ?? 0;
    if (count > 1) this.move((this.index.value + 1) % count, 1);
  }

  private move(at: number, direction: 1 | -1): void {
    this.selection.ask(at, direction);
    this.full.want();
    this.present();
  }

  // ---- on the screen -----------------------------------------------------------------------------------------------------------

  attach(host: HTMLElement): () => void {
    this.full.attach(host);
    host.append(this.rendered.layer.canvas);
    const observer = new ResizeObserver(() => this.resize(host));
    observer.observe(host);
    this.resize(host);
    this.stops.push(
      () => observer.disconnect(),
      effect(() => {
        void this.view.transform.value;
        void this.windowing.chosen.value;
        void this.windowing.invert.value;
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
    this.rendered.stop();
    this.series.stop();
    this.full.stop();
  }

  /** The canvas on top, which is what the screen shows. */
  topCanvas(): HTMLCanvasElement | null {
    return this.shown.value?.quality === 'full' ? this.full.canvas() : this.rendered.layer.canvas;
  }

  private followFidelity(): void {
    if (fidelity.value === 'full') {
      if (this.shown.peek()) void this.full.open();
    } else {
      this.full.close();
      this.present();
    }
  }

  private present(): void {
    const at = this.index.value;
    const frame = this.selection.wanted;
    if (!frame) return;
    if (this.full.isLoaded(frame)) {
      void this.presentFull(at, frame);
      return;
    }
    this.rendered.present(at, frame);
    if (fidelity.value === 'rendered' || this.full.problem.value) this.rendered.wantAhead();
  }

  private async presentFull(at: number, frame: Frame): Promise<void> {
    const drawn = await this.full.show(at, frame);
    if (!drawn || this.index.value !== at || this.selection.wanted !== frame) return;
    this.shown.value = { frame, at, quality: 'full' };
    this.rendered.layer.show(false);
  }

  private pictureCame(url: string, error: unknown): void {
    const wanted = this.selection.wanted;
    if (!this.stack || this.detached) return;
    const atFull = wanted !== undefined && this.full.isLoaded(wanted);
    if (!error) {
      this.problem.value = null;
      if (!atFull) this.rendered.showIfNearer(url);
    } else if (wanted && !atFull && this.rendered.urlOf(wanted) === url) this.problem.value = error;
    void this.full.open();
  }

  private redraw(): void {
    const shown = this.shown.peek();
    if (shown?.quality === 'full') this.full.redraw(shown.frame);
    else if (shown) this.rendered.redraw(shown);
  }

  private presentation(frame: Frame): Presentation {
    return { view: this.view.transform.peek(), picture: sizeOf(frame), canvas: this.view.canvas, window: this.windowing.of(frame), invert: this.windowing.invert.peek() };
  }

  private resize(host: HTMLElement): void {
    const { clientWidth: width, clientHeight: height } = host;
    if (width === 0 || height === 0) return;
    this.view.canvas = { width, height };
    this.rendered.layer.resize(width, height);
    this.full.resize();
    this.redraw();
  }
}
