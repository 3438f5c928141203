import { number, numbers, text } from './dicom-json';
import { type Frame, framesOf, modalityOf, planeOf } from './frame';
import { type Instance, type InstanceKind, kindOf } from './instance';

/** What the series strip offers: a stack of pictures to scroll, or a document that is no picture. */
export type Item = Stack | Document;

interface Common {
  id: string;
  series_instance_uid: string;
  series_number: number | null;
  modality: string;
  description: string;
}

export interface Stack extends Common {
  kind: 'stack';
  frames: Frame[];
  /** Pictures a second when the object is a loop in time. */
  frame_rate: number | null;
  located: boolean;
}

export interface Document extends Common {
  kind: Exclude<InstanceKind, 'image'>;
  instance: Instance;
}

/** A series as items: single pictures make one stack, each multi-frame object its own, everything else a document. */
export function itemsOf(instances: Instance[]): Item[] {
  const images = instances.filter((one) => kindOf(one) === 'image');
  const single = inOrder(images.filter((one) => one.number_of_frames === 1));
  const multi = inOrder(images.filter((one) => one.number_of_frames > 1));
  const items: Item[] = [];
  if (single[0]) items.push(stackOf(single[0], single.flatMap(framesOf), single[0].series_instance_uid));
  for (const one of multi) items.push(stackOf(one, framesOf(one), one.sop_instance_uid));
  for (const one of instances) {
    const kind = kindOf(one);
    if (kind !== 'image') items.push({ ...common(one, one.sop_instance_uid), kind, instance: one });
  }
  return items;
}

function common(instance: Instance, id: string): Common {
  const dataset = instance.dataset;
  return {
    id,
    series_instance_uid: instance.series_instance_uid,
    series_number: number(dataset, '00200011'),
    modality: modalityOf(instance),
    description: text(dataset, '0008103E') ?? text(dataset, '00420010') ?? text(dataset, '00181030') ?? '',
  };
}

function stackOf(instance: Instance, frames: Frame[], id: string): Stack {
  const first = frames[0];
  return {
    ...common(instance, id),
    kind: 'stack',
    frames,
    frame_rate: instance.number_of_frames > 1 ? frameRate(instance) : null,
    located: first ? planeOf(first).located : false,
  };
}

/** Frame Time, else the mean of the Frame Time Vector, else the display rates (PS3.3 C.7.6.5.1.1); null when none is told. */
export function frameRate(instance: Instance): number | null {
  const dataset = instance.dataset;
  const time_ms = number(dataset, '00181063');
  if (time_ms && time_ms > 0) return 1000 / time_ms;
  const vector = numbers(dataset, '00181065').filter((one) => one > 0);
  if (vector.length > 0) return 1000 / (vector.reduce((sum, one) => sum + one, 0) / vector.length);
  return number(dataset, '00082144') ?? number(dataset, '00180040');
}

/** By Instance Number where every object has its own, else by place along the stack's normal. */
function inOrder(instances: Instance[]): Instance[] {
  const numbered = new Set(instances.map((one) => one.instance_number));
  const distinct = numbered.size === instances.length && !numbered.has(null);
  const key = distinct ? (one: Instance) => one.instance_number ?? 0 : depthOf;
  return [...instances].sort((a, b) => key(a) - key(b) || a.sop_instance_uid.localeCompare(b.sop_instance_uid));
}

function depthOf(instance: Instance): number {
  const frame = framesOf(instance)[0];
  if (!frame) return 0;
  const { row, column, position } = planeOf(frame);
  const normal = [row[1] * column[2] - row[2] * column[1], row[2] * column[0] - row[0] * column[2], row[0] * column[1] - row[1] * column[0]] as const;
  return normal[0] * position[0] + normal[1] * position[1] + normal[2] * position[2];
}

/** Where a stack opens: volumes in the middle, everything else at its first picture. */
export function firstIndex(stack: Stack): number {
  const volume = stack.located && stack.frames.length > 4 && /^(CT|MR|PT|NM)$/.test(stack.modality);
  return volume ? Math.floor(stack.frames.length / 2) : 0;
}

/** The first item to open: the first stack that is no localizer, else any stack, else whatever there is. */
export function firstItem(items: Item[]): Item | undefined {
  const stacks = items.filter((one): one is Stack => one.kind === 'stack');
  return stacks.find((one) => !isLocalizer(one)) ?? stacks[0] ?? items[0];
}

function isLocalizer(stack: Stack): boolean {
  const dataset = stack.frames[0]?.instance.dataset;
  return (dataset?.['00080008']?.Value ?? []).includes('LOCALIZER') || /scout|localizer|定位/i.test(stack.description);
}
