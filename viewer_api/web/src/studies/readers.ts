import { listAgreements } from '../api/requests';
import type { Site } from '../api/types';

/** Hospitals that read for this one under an agreement in force: what a new request is offered. */
export async function readersFor(site: string): Promise<Site[]> {
  const agreements = await listAgreements(site);
  return agreements.filter((one) => one.service === 'READ').map((one) => one.reader);
}
