import type { RequestFilter } from '../api/requests';
import type { View } from '../api/types';

const VIEWS: View[] = ['queue', 'review', 'mine', 'sent', 'returned', 'done', 'open'];

/** The list that an address asks for (`/worklist?view=queue&text=…`). */
export function filterOf(search: string, first: View): RequestFilter {
  const values = new URLSearchParams(search);
  const asked = values.get('view') as View | null;
  const filter: RequestFilter = { view: asked && VIEWS.includes(asked) ? asked : first };
  for (const name of ['site', 'modality', 'priority', 'text'] as const) {
    const value = values.get(name);
    if (value) filter[name] = value;
  }
  return filter;
}

export function addressOf(filter: RequestFilter): string {
  const values = new URLSearchParams({ view: filter.view });
  for (const name of ['site', 'modality', 'priority', 'text'] as const) {
    const value = filter[name];
    if (value) values.set(name, value);
  }
  return `/worklist?${values.toString()}`;
}
