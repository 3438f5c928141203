import { getJson } from './http';
import type { ReportVersion, ReportVersionContent, Verification } from './types';

export function getReport(id: number, signal?: AbortSignal): Promise<{ id: number; request_id: number; versions: ReportVersion[] }> {
  return getJson(`/api/reports/${id}`, signal);
}

export function getReportVersion(id: number, n: number, signal?: AbortSignal): Promise<ReportVersionContent> {
  return getJson(`${versionUrl(id, n)}.json`, signal);
}

export function verifyReport(id: number, signal?: AbortSignal): Promise<Verification> {
  return getJson(`/api/reports/${id}/verification`, signal);
}

export function pdfUrl(id: number, n: number): string {
  return `${versionUrl(id, n)}.pdf`;
}

export function dicomUrl(id: number, n: number): string {
  return `${versionUrl(id, n)}.dcm`;
}

function versionUrl(id: number, n: number): string {
  return `/api/reports/${id}/versions/${n}`;
}
