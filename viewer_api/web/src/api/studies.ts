import { getJson, http, query } from './http';
import type { ConflictItem, StudyItem } from './types';

export interface StudyFilter {
  site?: string;
  text?: string;
  limit?: number;
  offset?: number;
}

export function listStudies(filter: StudyFilter, signal?: AbortSignal): Promise<{ items: StudyItem[]; total: number }> {
  return getJson(`/api/studies${query({ ...filter })}`, signal);
}

export async function listConflicts(site?: string, signal?: AbortSignal): Promise<ConflictItem[]> {
  const answer = await getJson<ConflictItem[] | { items: ConflictItem[] }>(`/api/conflicts${query({ site })}`, signal);
  return Array.isArray(answer) ? answer : answer.items;
}

function addressOf(study: { site: string; study_instance_uid: string }): string {
  return `/api/studies/${encodeURIComponent(study.site)}/${encodeURIComponent(study.study_instance_uid)}`;
}

export function getStudy(study: { site: string; study_instance_uid: string }, signal?: AbortSignal): Promise<StudyItem> {
  return getJson(addressOf(study), signal);
}

/** Says how many images a study has; null takes the number back. */
export async function declareImages(study: { site: string; study_instance_uid: string }, instances: number | null): Promise<void> {
  const call = instances === null ? { method: 'DELETE' } : { method: 'PUT', body: { instances } };
  await http(`${addressOf(study)}/expected`, call);
}
