import { getJson, query } from './http';
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
