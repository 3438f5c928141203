import { cache, getShouldUseCPURendering, imageLoader, init as initCore, metaData, setUseCPURendering } from '@cornerstonejs/core';
import type { Types } from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import { addTool, init as initTools, LengthTool } from '@cornerstonejs/tools';
import { lacksGraphicsHardware } from '../software-rendering';
import { FrameMetadata } from './metadata';

export const metadata = new FrameMetadata();

let started: Promise<void> | null = null;

/** Starts Cornerstone once; later viewers only set their share of memory. */
export async function startCornerstone(budget_bytes: number): Promise<void> {
  started ??= start();
  await started;
  cache.setMaxCacheSize(budget_bytes);
}

/** Whether pixels are drawn by the processor on a plain canvas. */
export function isPlain(): boolean {
  return getShouldUseCPURendering();
}

async function start(): Promise<void> {
  await initCore();
  if (lacksGraphicsHardware()) setUseCPURendering(true);
  initLoader({ maxWebWorkers: Math.max(1, Math.min(4, Math.floor((navigator.hardwareConcurrency || 2) / 2))) });
  initTools();
  addTool(LengthTool);
  metaData.addProvider(metadata.provide, 10_000);
  imageLoader.registerImageLoader('farlight', onlyFromCache);
}

/** Frames are fetched and put into the cache by our own queue, which can give a load up; Cornerstone only ever finds them there. */
function onlyFromCache(key: string): { promise: Promise<Types.IImage> } {
  return { promise: Promise.reject(new Error(`Frame ${key} is not loaded.`)) };
}
