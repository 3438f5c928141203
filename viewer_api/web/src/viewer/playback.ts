import { signal } from '@preact/signals';

const DEFAULT_RATE = 15;

/** Cine: steps at a given rate on the screen's own beat; a tab in the background pauses by itself. */
export class Playback {
  readonly playing = signal(false);
  readonly rate = signal(DEFAULT_RATE);
  private handle = 0;
  private due = 0;

  constructor(private readonly step: () => void) {}

  setRate(pictures_per_second: number | null): void {
    this.rate.value = Math.min(60, Math.max(1, Math.round((pictures_per_second ?? DEFAULT_RATE) * 10) / 10));
  }

  toggle(): void {
    if (this.playing.value) this.stop();
    else this.start();
  }

  start(): void {
    this.playing.value = true;
    this.due = performance.now();
    const beat = (now: number): void => {
      if (!this.playing.value) return;
      if (now >= this.due) {
        this.due = Math.max(this.due + 1000 / this.rate.value, now);
        this.step();
      }
      this.handle = requestAnimationFrame(beat);
    };
    this.handle = requestAnimationFrame(beat);
  }

  stop(): void {
    this.playing.value = false;
    cancelAnimationFrame(this.handle);
  }
}
