import { signal } from '@preact/signals';
import type { RequestEventData, StudyEventData } from './types';

/** How news reaches the page: `live` by server-sent events, `polling` every 15 s when the stream is down. */
export const eventLink = signal<'connecting' | 'live' | 'polling'>('connecting');

export type News = { kind: 'request'; data: RequestEventData } | { kind: 'study'; data: StudyEventData } | { kind: 'poll' };

const POLL_EVERY_MS = 15_000;
const RECONNECT_AFTER_MS = 5_000;

const listeners = new Set<(news: News) => void>();
let source: EventSource | null = null;
let lastEventId = '';
let pollTimer = 0;
let reconnectTimer = 0;

/** Calls back for every event until the returned function is called; the stream is open while anybody listens. */
export function listenForNews(listener: (news: News) => void): () => void {
  listeners.add(listener);
  if (!source && !reconnectTimer) connect();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) disconnect();
  };
}

function connect(): void {
  reconnectTimer = 0;
  const missed = eventLink.value === 'polling';
  const opened = new EventSource(`/api/events${lastEventId ? `?since=${encodeURIComponent(lastEventId)}` : ''}`);
  source = opened;
  opened.addEventListener('ready', (event) => {
    remember(event);
    eventLink.value = 'live';
    stopPolling();
    if (missed) tell({ kind: 'poll' });
  });
  opened.addEventListener('request', (event) => {
    remember(event);
    tell({ kind: 'request', data: JSON.parse(event.data as string) as RequestEventData });
  });
  opened.addEventListener('study', (event) => {
    remember(event);
    tell({ kind: 'study', data: JSON.parse(event.data as string) as StudyEventData });
  });
  opened.addEventListener('error', () => {
    opened.close();
    if (source !== opened) return;
    source = null;
    startPolling();
    reconnectTimer = window.setTimeout(connect, RECONNECT_AFTER_MS);
  });
}

function remember(event: MessageEvent): void {
  if (event.lastEventId) lastEventId = event.lastEventId;
}

function startPolling(): void {
  eventLink.value = 'polling';
  if (!pollTimer) pollTimer = window.setInterval(() => tell({ kind: 'poll' }), POLL_EVERY_MS);
}

function stopPolling(): void {
  window.clearInterval(pollTimer);
  pollTimer = 0;
}

function disconnect(): void {
  source?.close();
  source = null;
  stopPolling();
  window.clearTimeout(reconnectTimer);
  reconnectTimer = 0;
  eventLink.value = 'connecting';
}

function tell(news: News): void {
  for (const listener of listeners) listener(news);
}

// An EventSource left open keeps the page out of the back/forward cache and blocks a connection.
window.addEventListener('pagehide', () => source?.close());
window.addEventListener('pageshow', (event) => {
  if (event.persisted && listeners.size > 0) {
    source = null;
    connect();
  }
});
