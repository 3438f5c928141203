import { cache, imageLoader, init as initCore, metaData } from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import { addTool, init as initTools, LengthTool } from '@cornerstonejs/tools';
import type { Types } from '@cornerstonejs/core';
import type { StudyPlace } from '../dicomweb';
import { loadFrame } from './frame-loader';
import { FrameMetadata } from './metadata';

export const metadata = new FrameMetadata();

/** The study whose frames are being loaded; one viewer at a time. */
let place: StudyPlace | null = null;
const signals = new Map<string, AbortSignal>();
let started: Promise<void> | null = null;

/** Starts Cornerstone once, and points it at one study. */
export async function startCornerstone(of: StudyPlace, budget_bytes: number): Promise<void> {
  place = of;
  started ??= start();
  await started;
  cache.setMaxCacheSize(budget_bytes);
}

async function start(): Promise<void> {
  await initCore();
  initLoader({ maxWebWorkers: Math.max(1, Math.min(4, Math.floor((navigator.hardwareConcurrency || 2) / 2))) });
  initTools();
  addTool(LengthTool);
  metaData.addProvider(metadata.provide, 10_000);
  imageLoader.registerImageLoader('farlight', (key: string) => ({ promise: loadByKey(key) as unknown as Promise<Types.IImage> }) as never);
}

/** Cornerstone's cache asks by name; the abort signal of the load under way is kept beside. */
async function loadByKey(key: string): Promise<Types.IImage> {
  const frame = metadata.frame(key);
  if (!frame || !place) throw new Error('This frame is not known.');
  return loadFrame(place, frame, metadata, signals.get(key) ?? new AbortController().signal);
}

export async function loadIntoCache(key: string, signal: AbortSignal): Promise<void> {
  signals.set(key, signal);
  try {
    await imageLoader.loadAndCacheImage(key);
  } finally {
    signals.delete(key);
  }
}
