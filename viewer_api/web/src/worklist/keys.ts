import type { RequestRow } from '../api/types';

export type ListAction =
  | { do: 'move'; by: number }
  | { do: 'first' | 'last' | 'open' | 'claim' | 'search' | 'help' | 'refresh' }
  | { do: 'tab'; index: number };

/** What a key means on the worklist, by KeyboardEvent.code so that it works under a Chinese input method too. */
export function listAction(event: Pick<KeyboardEvent, 'code' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey' | 'isComposing'>): ListAction | null {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
  const digit = /^(?:Digit|Numpad)([1-7])$/.exec(event.code);
  if (digit) return { do: 'tab', index: Number(digit[1]) - 1 };
  switch (event.code) {
    case 'KeyJ':
    case 'ArrowDown':
      return { do: 'move', by: 1 };
    case 'KeyK':
    case 'ArrowUp':
      return { do: 'move', by: -1 };
    case 'PageDown':
      return { do: 'move', by: 10 };
    case 'PageUp':
      return { do: 'move', by: -10 };
    case 'Home':
      return { do: 'first' };
    case 'End':
      return { do: 'last' };
    case 'Enter':
    case 'NumpadEnter':
      return { do: 'open' };
    case 'KeyC':
      return { do: 'claim' };
    case 'KeyN':
      return { do: 'refresh' };
    case 'Slash':
      return event.shiftKey ? { do: 'help' } : { do: 'search' };
    default:
      return null;
  }
}

export function moved(rows: RequestRow[], selected: number | null, by: number): number | null {
  if (rows.length === 0) return null;
  const at = rows.findIndex((row) => row.id === selected);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
  return rows[next]?.id ?? null;
}

/** Whether keys typed there are text, not commands. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
