/** What to load next around the picture being looked at: nearest first, ahead of the direction of scrolling before behind it. */
export function nearestFirst(center: number, count: number, direction: 1 | -1, limit: number): number[] {
  const order: number[] = [];
  const push = (at: number): void => {
    if (at >= 0 && at < count && order.length < limit) order.push(at);
  };
  push(center);
  for (let distance = 1; distance < count && order.length < limit; distance++) {
    push(center + distance * direction);
    push(center - distance * direction);
  }
  return order;
}

export interface Plan {
  start: number[];
  abort: number[];
}

/**
 * Which loads to begin and which to give up, so that at most `slots` run: the picture looked at always has a slot, and a load that is
 * no longer wanted at all makes room.
 */
export function plan(wanted: number[], done: (at: number) => boolean, running: ReadonlySet<number>, slots: number): Plan {
  const missing = wanted.filter((at) => !done(at));
  const isWanted = new Set(missing);
  const abort = [...running].filter((at) => !isWanted.has(at));
  const kept = [...running].filter((at) => isWanted.has(at));
  const start = missing.filter((at) => !running.has(at));
  const first = missing[0];
  let free = slots - kept.length;
  if (free <= 0 && first !== undefined && !running.has(first)) {
    const rank = new Map(missing.map((at, order) => [at, order]));
    const farthest = kept.sort((a, b) => (rank.get(b) ?? 0) - (rank.get(a) ?? 0))[0];
    if (farthest !== undefined) abort.push(farthest);
    free = 1;
  }
  return { start: start.slice(0, Math.max(0, free)), abort };
}

interface Job {
  abort: AbortController;
}

/** Loads pictures of one stack by number, few at a time, in the order of `plan`. */
export class FrameQueue {
  private readonly running = new Map<number, Job>();
  private readonly failed = new Set<number>();
  private wanted: number[] = [];

  constructor(
    private readonly slots: number,
    private readonly isLoaded: (at: number) => boolean,
    private readonly load: (at: number, signal: AbortSignal) => Promise<void>,
    private readonly onChange: (at: number, error: unknown) => void,
  ) {}

  want(order: number[]): void {
    this.wanted = order;
    this.step();
  }

  hasFailed(at: number): boolean {
    return this.failed.has(at);
  }

  stop(): void {
    this.wanted = [];
    for (const job of this.running.values()) job.abort.abort();
    this.running.clear();
  }

  private step(): void {
    const { start, abort } = plan(this.wanted, (at) => this.isLoaded(at) || this.failed.has(at), new Set(this.running.keys()), this.slots);
    for (const at of abort) {
      this.running.get(at)?.abort.abort();
      this.running.delete(at);
    }
    for (const at of start) void this.run(at);
  }

  private async run(at: number): Promise<void> {
    const job: Job = { abort: new AbortController() };
    this.running.set(at, job);
    let failure: unknown = null;
    try {
      await this.load(at, job.abort.signal);
    } catch (error) {
      if (job.abort.signal.aborted) return;
      failure = error;
      this.failed.add(at);
    }
    if (this.running.get(at) === job) this.running.delete(at);
    if (job.abort.signal.aborted) return;
    this.onChange(at, failure);
    this.step();
  }
}
