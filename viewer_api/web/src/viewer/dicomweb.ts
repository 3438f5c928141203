import { http } from '../api/http';
import type { DataSet } from './dicom-json';
import { type Frame, type VoiFunction, type Window } from './frame';
import { type Instance, instanceOf } from './instance';

/** Addresses and calls of one study under `/sites/{site}/dicom-web`. */
export interface StudyPlace {
  site: string;
  study_instance_uid: string;
}

const DICOM_JSON = 'application/dicom+json';

export function studyUrl({ site, study_instance_uid }: StudyPlace): string {
  return `/sites/${encodeURIComponent(site)}/dicom-web/studies/${encodeURIComponent(study_instance_uid)}`;
}

export function seriesUrl(place: StudyPlace, series_instance_uid: string): string {
  return `${studyUrl(place)}/series/${encodeURIComponent(series_instance_uid)}`;
}

export function instanceUrl(place: StudyPlace, instance: Pick<Instance, 'series_instance_uid' | 'sop_instance_uid'>): string {
  return `${seriesUrl(place, instance.series_instance_uid)}/instances/${encodeURIComponent(instance.sop_instance_uid)}`;
}

export function frameUrl(place: StudyPlace, frame: Frame): string {
  return `${instanceUrl(place, frame.instance)}/frames/${frame.frame_number}`;
}

export interface RenderedAs {
  window: (Window & { function: VoiFunction }) | null;
  /** Longest wanted width and height in pixels; null for the picture's own size. */
  viewport: [width: number, height: number] | null;
}

/** The server's rendering of one frame (PS3.18 8.3.5). */
export function renderedUrl(place: StudyPlace, frame: Frame, as: RenderedAs): string {
  const wanted = [];
  if (as.window) wanted.push(`window=${round(as.window.center)},${round(as.window.width)},${as.window.function.toLowerCase().replace('_', '-')}`);
  if (as.viewport) wanted.push(`viewport=${as.viewport.join(',')}`);
  wanted.push('quality=80');
  return `${frameUrl(place, frame)}/rendered?${wanted.join('&')}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

export function thumbnailUrl(place: StudyPlace, frame: Pick<Frame, 'instance' | 'frame_number'>): string {
  return `${instanceUrl(place, frame.instance)}/frames/${frame.frame_number}/thumbnail?viewport=128,128`;
}

export interface SeriesRow {
  series_instance_uid: string;
  series_number: number | null;
  modality: string;
  description: string;
  instance_count: number;
}

export async function listSeries(place: StudyPlace, signal?: AbortSignal): Promise<DataSet[]> {
  return dicomJson(`${studyUrl(place)}/series?includefield=0008103E,00200011,00201209`, signal);
}

export async function studyDataSet(place: StudyPlace, signal?: AbortSignal): Promise<DataSet | undefined> {
  const base = studyUrl(place).replace(/\/[^/]+$/, '');
  const found = await dicomJson(`${base}?StudyInstanceUID=${encodeURIComponent(place.study_instance_uid)}&includefield=00081030`, signal);
  return found[0];
}

export async function seriesInstances(place: StudyPlace, series_instance_uid: string, signal?: AbortSignal): Promise<Instance[]> {
  return (await dicomJson(`${seriesUrl(place, series_instance_uid)}/metadata`, signal)).map(instanceOf);
}

async function dicomJson(url: string, signal?: AbortSignal): Promise<DataSet[]> {
  const response = await http(url, { accept: DICOM_JSON, signal });
  if (response.status === 204) return [];
  return (await response.json()) as DataSet[];
}

