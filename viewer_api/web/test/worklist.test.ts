import { describe, expect, it } from 'vitest';
import type { RequestRow } from '../src/api/types';
import { addressOf, filterOf } from '../src/worklist/address';
import { listAction, moved } from '../src/worklist/keys';
import { applyState, mergeFresh } from '../src/worklist/merge';

const row = (id: number, version = 1) => ({ id, version, state: 'QUEUED', allowed_commands: ['claim'] }) as unknown as RequestRow;
const shown = { rows: [row(1), row(2), row(3)], gone: new Set<number>(), waiting: [] };

describe('news on the worklist', () => {
  it('moves no row: changed rows in place, new ones waiting, lost ones grey', () => {
    const merged = mergeFresh(shown, [row(9), row(3, 5), row(1)]);
    expect(merged.rows.map((one) => [one.id, one.version])).toEqual([
      [1, 1],
      [2, 1],
      [3, 5],
    ]);
    expect([...merged.gone]).toEqual([2]);
    expect(merged.waiting.map((one) => one.id)).toEqual([9]);
  });

  it('takes a state at once from an event, but no older one', () => {
    expect(applyState(shown, 2, 7, 'READING').rows[1]).toMatchObject({ state: 'READING', version: 7, allowed_commands: [] });
    expect(applyState({ ...shown, rows: [row(2, 9)] }, 2, 7, 'READING').rows[0]).toMatchObject({ state: 'QUEUED', version: 9 });
  });
});

describe('worklist keys', () => {
  const key = (code: string, more = {}) => listAction({ code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, isComposing: false, ...more });

  it('are read by their place on the board', () => {
    expect(key('KeyJ')).toEqual({ do: 'move', by: 1 });
    expect(key('Digit3')).toEqual({ do: 'tab', index: 2 });
    expect(key('Slash')).toEqual({ do: 'search' });
    expect(key('Slash', { shiftKey: true })).toEqual({ do: 'help' });
  });

  it('are left alone under an input method and with Ctrl', () => {
    expect(key('KeyJ', { isComposing: true })).toBeNull();
    expect(key('KeyC', { ctrlKey: true })).toBeNull();
  });

  it('move from nothing to the first row and stop at the ends', () => {
    expect(moved(shown.rows, null, 1)).toBe(1);
    expect(moved(shown.rows, 3, 1)).toBe(3);
    expect(moved(shown.rows, 2, -1)).toBe(1);
    expect(moved([], null, 1)).toBeNull();
  });
});

describe('worklist address', () => {
  it('says the list and its filters, and reads them back', () => {
    const filter = { view: 'review' as const, text: '王 x', modality: 'CT' };
    expect(filterOf(addressOf(filter).split('?')[1] ?? '', 'open')).toEqual(filter);
  });

  it('opens the first list for an unknown one', () => {
    expect(filterOf('view=nonsense', 'queue')).toEqual({ view: 'queue' });
  });
});
