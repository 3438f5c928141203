import { signal } from '@preact/signals';

export type Route =
  | { page: 'worklist' }
  | { page: 'request'; id: number }
  | { page: 'report'; id: number }
  | { page: 'invitation' }
  | { page: 'studies' }
  | { page: 'study'; site: string; study_instance_uid: string }
  | { page: 'links'; part: LinksPart }
  | { page: 'unknown' };

export type LinksPart = 'board' | 'refused' | 'aside';

export const path = signal(location.pathname + location.search);

export function routeOf(pathname: string): Route {
  const parts = pathname.split('/').filter(Boolean).map(decodeURIComponent);
  const [first, second, third] = parts;
  if (parts.length === 0 || (first === 'worklist' && parts.length === 1)) return { page: 'worklist' };
  const id = /^\d+$/.test(second ?? '') ? Number(second) : null;
  if (first === 'requests' && id !== null && parts.length === 2) return { page: 'request', id };
  if (first === 'reports' && id !== null && parts.length === 2) return { page: 'report', id };
  if (first === 'invitation' && parts.length === 1) return { page: 'invitation' };
  if (first === 'studies' && parts.length === 1) return { page: 'studies' };
  if (first === 'studies' && second && third && parts.length === 3) return { page: 'study', site: second, study_instance_uid: third };
  if (first === 'links' && parts.length === 1) return { page: 'links', part: 'board' };
  if (first === 'links' && (second === 'refused' || second === 'aside') && parts.length === 2) return { page: 'links', part: second };
  return { page: 'unknown' };
}

/** Asked before the page changes; an answer of false keeps the reader where the unsaved text is. */
let mayLeave: (() => boolean) | null = null;

export function guardLeaving(guard: (() => boolean) | null): void {
  mayLeave = guard;
}

export function navigate(to: string, replace = false): void {
  if (mayLeave && !mayLeave()) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  path.value = to;
  window.scrollTo(0, 0);
}

/** Changes the address without changing the page (filters, the chosen tab). */
export function rewriteAddress(to: string): void {
  history.replaceState(null, '', to);
  path.value = to;
}

window.addEventListener('popstate', () => {
  path.value = location.pathname + location.search;
});

/** Plain links become history routes; new tabs, downloads and foreign addresses stay the browser's. */
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.('a[href]') as HTMLAnchorElement | null;
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (routeOf(link.pathname).page === 'unknown') return;
  event.preventDefault();
  navigate(link.pathname + link.search);
});
