import { signal } from '@preact/signals';
import { listenForNews, type News } from '../api/events';
import { listRequests, type RequestFilter } from '../api/requests';
import type { View } from '../api/types';
import { applyState, mergeFresh, nothingShown, type Shown } from './merge';

const PAGE = 100;
const GATHER_NEWS_MS = 300;

export const shown = signal<Shown>(nothingShown);
export const counts = signal<Partial<Record<View, number>>>({});
export const total = signal(0);
export const loading = signal(false);
export const problem = signal<unknown>(null);
export const selectedId = signal<number | null>(null);
/** Hospitals and modalities met in lists so far, for the filters. */
export const metSites = signal<ReadonlyMap<string, { name: string; name_zh: string | null }>>(new Map());
export const metModalities = signal<ReadonlySet<string>>(new Set());

let filter: RequestFilter = { view: 'open' };
let running: AbortController | null = null;
let newsTimer = 0;

/** Shows the list of `next` anew, in the server's order. */
export async function openList(next: RequestFilter): Promise<void> {
  const sameView = next.view === filter.view;
  filter = next;
  if (!sameView) shown.value = nothingShown;
  await fetchList(PAGE, (items) => ({ rows: items, gone: new Set(), waiting: [] }));
}

export function reloadList(): Promise<void> {
  return openList(filter);
}

export async function showMore(): Promise<void> {
  const have = shown.value.rows.length + shown.value.waiting.length;
  await fetchList(Math.min(500, have + PAGE), (items) => ({ rows: items, gone: new Set(), waiting: [] }));
}

/** The list in the background; rows stay where they are. */
async function refreshInPlace(): Promise<void> {
  const have = Math.max(PAGE, shown.value.rows.length);
  await fetchList(Math.min(500, have), (items) => {
    const merged = mergeFresh(shown.value, items);
    return shown.value.rows.length === 0 ? { rows: items, gone: new Set(), waiting: [] } : merged;
  });
}

async function fetchList(limit: number, place: (items: Shown['rows']) => Shown): Promise<void> {
  running?.abort();
  const call = new AbortController();
  running = call;
  loading.value = true;
  try {
    const answer = await listRequests({ ...filter, limit }, call.signal);
    shown.value = place(answer.items);
    counts.value = answer.counts;
    total.value = answer.total;
    problem.value = null;
    meet(answer.items);
  } catch (error) {
    if (!call.signal.aborted) problem.value = error;
  } finally {
    if (running === call) {
      running = null;
      loading.value = false;
    }
  }
}

function meet(rows: Shown['rows']): void {
  const sites = new Map(metSites.value);
  const modalities = new Set(metModalities.value);
  for (const row of rows) {
    sites.set(row.requester.site, row.requester);
    for (const modality of row.study.modalities) modalities.add(modality);
  }
  if (sites.size !== metSites.value.size) metSites.value = sites;
  if (modalities.size !== metModalities.value.size) metModalities.value = modalities;
}

export function followNews(): () => void {
  const stop = listenForNews((news: News) => {
    if (news.kind === 'request') {
      const { request_id, version, state } = news.data;
      shown.value = applyState(shown.value, request_id, version, state);
    }
    if (!newsTimer) {
      newsTimer = window.setTimeout(() => {
        newsTimer = 0;
        void refreshInPlace();
      }, GATHER_NEWS_MS);
    }
  });
  return () => {
    stop();
    window.clearTimeout(newsTimer);
    newsTimer = 0;
  };
}
