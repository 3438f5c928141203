import { getJson, http, postJson, query } from './http';
import type { Agreement, Clinical, Command, CommandAnswer, Draft, Priority, Reason, ReportContent, RequestDetail, RequestList, View } from './types';

export interface RequestFilter {
  view: View;
  site?: string;
  modality?: string;
  priority?: string;
  text?: string;
  limit?: number;
  offset?: number;
}

export function listRequests(filter: RequestFilter, signal?: AbortSignal): Promise<RequestList> {
  return getJson<RequestList>(`/api/requests${query({ ...filter })}`, signal);
}

export function getRequest(id: number, signal?: AbortSignal): Promise<RequestDetail> {
  return getJson<RequestDetail>(`/api/requests/${id}`, signal);
}

export interface CommandBody {
  token?: string;
  reason_code?: string;
  reason_text?: string;
  draft_version?: number;
  password?: string;
}

export function giveCommand(id: number, command: Command, body: CommandBody = {}): Promise<CommandAnswer> {
  return postJson<CommandAnswer>(`/api/requests/${id}/${command}`, body);
}

export interface NewRequest {
  site: string;
  study_instance_uid: string;
  reader_site: string;
  service: string;
  priority: Priority;
  clinical: Clinical;
}

export async function createRequest(body: NewRequest): Promise<RequestDetail> {
  const answer = await postJson<RequestDetail | { request: RequestDetail }>('/api/requests', body);
  return 'request' in answer ? answer.request : answer;
}

export function getDraft(id: number, signal?: AbortSignal): Promise<Draft> {
  return getJson<Draft>(`/api/requests/${id}/draft`, signal);
}

export async function putDraft(
  id: number,
  body: { token: string; version: number; content: ReportContent },
  keepalive = false,
): Promise<{ version: number; saved_at: string }> {
  const response = await http(`/api/requests/${id}/draft`, { method: 'PUT', body, keepalive });
  return (await response.json()) as { version: number; saved_at: string };
}

/** Agreements in force under which `site` may ask. */
export function listAgreements(site: string): Promise<Agreement[]> {
  return getJson<Agreement[]>(`/api/agreements?site=${encodeURIComponent(site)}`);
}

let reasons: Promise<Reason[]> | null = null;

/** The catalogue of coded reasons; asked once. */
export function listReasons(): Promise<Reason[]> {
  reasons ??= getJson<Reason[]>('/api/reasons').catch((error: unknown) => {
    reasons = null;
    throw error;
  });
  return reasons;
}
