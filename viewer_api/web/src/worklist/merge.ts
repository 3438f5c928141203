import type { RequestRow } from '../api/types';

export interface Shown {
  rows: RequestRow[];
  /** Ids that left the view since it was opened: shown grey, in place, until the list is refreshed. */
  gone: ReadonlySet<number>;
  /** Rows that came since: announced, put in only when the user asks. */
  waiting: RequestRow[];
}

export const nothingShown: Shown = { rows: [], gone: new Set(), waiting: [] };

/** A fresh list laid over the shown one so that no row moves: kept rows change in place, new ones wait, lost ones turn grey. */
export function mergeFresh(shown: Shown, fresh: RequestRow[]): Shown {
  const byId = new Map(fresh.map((row) => [row.id, row]));
  const known = new Set(shown.rows.map((row) => row.id));
  return {
    rows: shown.rows.map((row) => byId.get(row.id) ?? row),
    gone: new Set(shown.rows.filter((row) => !byId.has(row.id)).map((row) => row.id)),
    waiting: fresh.filter((row) => !known.has(row.id)),
  };
}

/** An event names the new state at once; the row's other fields follow with the next list. */
export function applyState(shown: Shown, id: number, version: number, state: RequestRow['state']): Shown {
  const rows = shown.rows.map((row) => (row.id === id && row.version < version ? { ...row, version, state, allowed_commands: [] } : row));
  return { ...shown, rows };
}

/** One row as a command answered it. */
export function replaceRow(shown: Shown, fresh: RequestRow): Shown {
  return { ...shown, rows: shown.rows.map((row) => (row.id === fresh.id ? fresh : row)) };
}
