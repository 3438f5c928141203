import type { Draft, ReportContent } from '../api/types';
import { complete, isSame } from './content';

/*
 *            edited              due                stored
 *   saved ----------> dirty ------------> saving -----------> saved     (dirty again when edited meanwhile)
 *                       ^                   | | |
 *                       |      failed       | | +-- claim lost --> lost      (nothing is sent any more; the text stays)
 *                       +---- retrying <----+ +---- conflict ----> conflict  (until somebody chooses)
 */
export type SaveStatus = 'saved' | 'dirty' | 'saving' | 'retrying' | 'conflict' | 'lost';

export interface DraftState {
  content: ReportContent;
  /** The server's version that the text builds on. */
  base: number;
  status: SaveStatus;
  saved_at: string | null;
  /** When the oldest unsaved keystroke was typed, and the newest; ms. */
  dirty_since: number | null;
  edited_at: number | null;
  sending: ReportContent | null;
  failures: number;
  retry_at: number | null;
  theirs: Draft | null;
}

export type Happening =
  | { kind: 'edited'; content: ReportContent; at: number }
  | { kind: 'sending' }
  | { kind: 'stored'; version: number; saved_at: string }
  | { kind: 'failed'; at: number }
  | { kind: 'conflict'; theirs: Draft }
  | { kind: 'chosen'; content: ReportContent; at: number }
  | { kind: 'lost' };

export const PAUSE_MS = 2_000;
export const AT_MOST_MS = 15_000;
const RETRY_MS = [2_000, 5_000, 10_000, 20_000, 30_000];

export function opened(draft: Draft): DraftState {
  return {
    content: complete(draft.content),
    base: draft.version,
    status: 'saved',
    saved_at: draft.saved_at,
    dirty_since: null,
    edited_at: null,
    sending: null,
    failures: 0,
    retry_at: null,
    theirs: null,
  };
}

export function after(state: DraftState, happening: Happening): DraftState {
  switch (happening.kind) {
    case 'edited':
      return edited(state, happening.content, happening.at);
    case 'sending':
      return { ...state, status: 'saving', sending: state.content, retry_at: null };
    case 'stored':
      return stored(state, happening.version, happening.saved_at);
    case 'failed':
      return failed(state, happening.at);
    case 'conflict':
      return { ...state, status: 'conflict', sending: null, theirs: happening.theirs };
    case 'chosen':
      return chosen(state, happening.content, happening.at);
    case 'lost':
      return { ...state, status: 'lost', sending: null };
  }
}

function edited(state: DraftState, content: ReportContent, at: number): DraftState {
  const next = { ...state, content, edited_at: at, dirty_since: state.dirty_since ?? at };
  return state.status === 'saved' ? { ...next, status: 'dirty' } : next;
}

function stored(state: DraftState, version: number, saved_at: string): DraftState {
  const unchanged = state.sending !== null && isSame(state.sending, state.content);
  const next = { ...state, base: version, saved_at, sending: null, failures: 0, retry_at: null };
  if (state.status === 'lost' || state.status === 'conflict') return next;
  return unchanged ? { ...next, status: 'saved', dirty_since: null, edited_at: null } : { ...next, status: 'dirty', dirty_since: state.edited_at };
}

function failed(state: DraftState, at: number): DraftState {
  const wait = RETRY_MS[Math.min(state.failures, RETRY_MS.length - 1)] ?? 30_000;
  return { ...state, status: 'retrying', sending: null, failures: state.failures + 1, retry_at: at + wait };
}

function chosen(state: DraftState, content: ReportContent, at: number): DraftState {
  const theirs = state.theirs;
  if (!theirs) return state;
  const base = { ...state, base: theirs.version, content, theirs: null, failures: 0, retry_at: null };
  if (isSame(content, complete(theirs.content))) return { ...base, status: 'saved', saved_at: theirs.saved_at, dirty_since: null, edited_at: null };
  return { ...base, status: 'dirty', edited_at: at, dirty_since: at };
}

/** Milliseconds until the text should be sent; null when there is nothing to send. 2 s after typing stops, 15 s at most while it goes on. */
export function dueIn(state: DraftState, now: number): number | null {
  if (state.status === 'retrying') return Math.max(0, (state.retry_at ?? now) - now);
  if (state.status !== 'dirty') return null;
  const pause = (state.edited_at ?? now) + PAUSE_MS;
  const limit = (state.dirty_since ?? now) + AT_MOST_MS;
  return Math.max(0, Math.min(pause, limit) - now);
}

export function isUnsaved(state: DraftState): boolean {
  return state.status !== 'saved';
}
