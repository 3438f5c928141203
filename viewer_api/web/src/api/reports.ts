import { getJson } from './http';
import type { ReportVersion, ReportVersionContent, Verification } from './types';

export function getReport(id: string, signal?: AbortSignal): Promise<{ id: string; request_id: string; versions: ReportVersion[] }> {
  return getJson(`/api/reports/${encodeURIComponent(id)}`, signal);
}

export function getReportVersion(id: string, n: number, signal?: AbortSignal): Promise<ReportVersionContent> {
  return getJson(`${versionUrl(id, n)}.json`, signal);
}

export function verifyReport(id: string, signal?: AbortSignal): Promise<Verification> {
  return getJson(`/api/reports/${encodeURIComponent(id)}/verification`, signal);
}

export function pdfUrl(id: string, n: number): string {
  return `${versionUrl(id, n)}.pdf`;
}

export function dicomUrl(id: string, n: number): string {
  return `${versionUrl(id, n)}.dcm`;
}

function versionUrl(id: string, n: number): string {
  return `/api/reports/${encodeURIComponent(id)}/versions/${n}`;
}
