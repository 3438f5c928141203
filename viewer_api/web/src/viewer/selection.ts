import { signal } from '@preact/signals';
import type { Frame } from './frame';
import { nearestFirst } from './frame-queue';
import { type Document, firstIndex, type Item, type Stack } from './stack';

export type Quality = 'rendered' | 'full';

export interface ShownFrame {
  frame: Frame;
  at: number;
  quality: Quality;
}

/** What of the study was opened, which picture of it was asked for, and which one is on the screen. */
export class Selection {
  readonly item = signal<Item | null>(null);
  /** The picture asked for, counted from 0; `shown` follows as fast as pixels come. */
  readonly index = signal(0);
  readonly shown = signal<ShownFrame | null>(null);
  private direction: 1 | -1 = 1;

  get stack(): Stack | null {
    const item = this.item.value;
    return item?.kind === 'stack' ? item : null;
  }

  get document(): Document | null {
    const item = this.item.value;
    return item && item.kind !== 'stack' ? item : null;
  }

  get wanted(): Frame | undefined {
    return this.stack?.frames[this.index.value];
  }

  /** Pictures to be looked at, not the two of a localizer nor a document. */
  get isWorthwhile(): boolean {
    const stack = this.stack;
    return stack !== null && !/^(SR|DOC|PR|KO)$/.test(stack.modality) && stack.frames.length > 2;
  }

  open(item: Item, at?: number): void {
    this.item.value = item;
    if (item.kind === 'stack') this.index.value = at !== undefined && at >= 0 ? at : firstIndex(item);
    else this.index.value = 0;
  }

  /** The picture `at` is asked for, reached in that direction. */
  ask(at: number, direction: 1 | -1): void {
    this.direction = direction;
    this.index.value = at;
  }

  /** The numbers of at most `limit` pictures of the stack, in the order in which they will be needed. */
  nearest(limit: number): number[] {
    return nearestFirst(this.index.value, this.stack?.frames.length ?? 0, this.direction, limit);
  }
}
