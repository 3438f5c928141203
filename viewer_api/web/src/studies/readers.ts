import { listRequests } from '../api/requests';
import type { Site } from '../api/types';

/** Hospitals that have read for this one before, by its requests: what a new request is offered. */
export async function readersFor(site: string): Promise<Site[]> {
  const { items } = await listRequests({ view: 'open', limit: 500 });
  const done = await listRequests({ view: 'done', limit: 500 });
  const found = new Map<string, Site>();
  for (const one of [...items, ...done.items]) {
    if (one.requester.site === site) found.set(one.reader.site, one.reader);
  }
  return [...found.values()];
}
