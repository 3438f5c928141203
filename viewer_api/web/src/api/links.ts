import { getJson, postJson } from './http';
import type { Site } from './types';

export type LinkState = 'SILENT' | 'TROUBLE' | 'NEVER' | 'LEARNING' | 'OK';

export interface LinkTrouble {
  reason: string;
  count: number;
  last_hour: string;
}

/** One node of a hospital; `hours` are the images of the last 24 hours, the present one last. */
export interface LinkLine {
  site: Site;
  ae_title: string;
  host: string;
  address: string;
  tls: boolean;
  registered: boolean;
  state: LinkState;
  last_seen_at: string | null;
  last_image_at: string | null;
  last_trouble: string;
  last_trouble_at: string | null;
  today: { images: number; duplicate: number; studies: number; bytes: number; held_aside: number; failed: number; associations: number };
  hours: number[];
  troubles: LinkTrouble[];
  open_associations: number;
  sending: number;
  silence: null | { hours: number; times: number; unusual: boolean };
  usual_gap_hours: number | null;
}

/** A device that does not take our reports of storage commitment. */
export interface Unreported {
  site: Site;
  ae_title: string;
  waiting: number;
  given_up: number;
  since: string;
  last_error: string;
}

export interface LinkBoard {
  at: string;
  sites: Site[];
  items: LinkLine[];
  commitments: Unreported[];
}

export interface Refusal {
  id: number;
  calling_ae_title: string;
  called_ae_title: string;
  address: string;
  reason: string;
  first_at: string;
  last_at: string;
  count: number;
}

export interface Adoption {
  site: string;
  port: number;
  charset: string;
  issuer: string;
}

export function getLinks(signal?: AbortSignal): Promise<LinkBoard> {
  return getJson('/api/links', signal);
}

export function listRefusals(signal?: AbortSignal): Promise<Refusal[]> {
  return getJson('/api/refusals', signal);
}

export function adoptDevice(refusal: Refusal, adoption: Adoption): Promise<{ site: string; ae_title: string }> {
  return postJson(`/api/refusals/${refusal.id}/adopt`, adoption);
}
