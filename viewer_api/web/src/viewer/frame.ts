import { type DataSet, number, numbers, sequence, text, texts } from './dicom-json';
import type { Instance } from './instance';

/** One picture: an instance and a frame of it, counted from 1. */
export interface Frame {
  instance: Instance;
  frame_number: number;
  /** Unique in the study; also the image's name inside Cornerstone. */
  key: string;
}

export function framesOf(instance: Instance): Frame[] {
  return Array.from({ length: instance.number_of_frames }, (_, at) => frameOf(instance, at + 1));
}

export function frameOf(instance: Instance, frame_number: number): Frame {
  return { instance, frame_number, key: `farlight:${instance.series_instance_uid}/${instance.sop_instance_uid}/${frame_number}` };
}

/** A functional group macro of this frame: per-frame first, shared next (PS3.3 C.7.6.16). */
function group(frame: Frame, tag: string): DataSet | undefined {
  const dataset = frame.instance.dataset;
  const perFrame = sequence(dataset, '52009230')[frame.frame_number - 1];
  return sequence(perFrame, tag)[0] ?? sequence(sequence(dataset, '52009229')[0], tag)[0];
}

export interface Plane {
  /** Centre of the first pixel, mm. */
  position: [number, number, number];
  row: [number, number, number];
  column: [number, number, number];
  /** False when the object says nothing of its place in the patient. */
  located: boolean;
}

/** Image Plane (PS3.3 C.7.6.2.1.1), from the object itself or its Plane Position and Orientation macros. */
export function planeOf(frame: Frame): Plane {
  const dataset = frame.instance.dataset;
  const detector = sequence(dataset, '00540022')[0];
  const position = first3(numbers(dataset, '00200032'), numbers(group(frame, '00209113'), '00200032'), numbers(detector, '00200032'));
  const direct = numbers(dataset, '00200037');
  const fromGroup = numbers(group(frame, '00209116'), '00200037');
  const orientation = [direct, fromGroup, numbers(detector, '00200037')].find((one) => one.length === 6);
  return {
    position: position ?? [0, 0, 0],
    row: orientation ? (orientation.slice(0, 3) as [number, number, number]) : [1, 0, 0],
    column: orientation ? (orientation.slice(3, 6) as [number, number, number]) : [0, 1, 0],
    located: position !== null && orientation !== undefined,
  };
}

function first3(...candidates: number[][]): [number, number, number] | null {
  const found = candidates.find((one) => one.length === 3);
  return found ? (found as [number, number, number]) : null;
}

/** Row and column spacing in mm of the Pixel Measures macro or the object itself; null when not told. */
export function pixelSpacing(frame: Frame): [row_mm: number, column_mm: number] | null {
  return pair(numbers(frame.instance.dataset, '00280030')) ?? pair(numbers(group(frame, '00289110'), '00280030'));
}

export function pair(two: number[]): [number, number] | null {
  const [first, second] = two;
  return first !== undefined && second !== undefined && first > 0 && second > 0 ? [first, second] : null;
}

export interface Rescale {
  slope: number;
  intercept: number;
  /** HU, US, … (0028,1054) */
  type: string | null;
}

export function rescaleOf(frame: Frame): Rescale {
  const source = number(frame.instance.dataset, '00281053') === null ? group(frame, '00289145') : frame.instance.dataset;
  return {
    slope: number(source, '00281053') ?? 1,
    intercept: number(source, '00281052') ?? 0,
    type: text(source, '00281054'),
  };
}

export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';

export interface Window {
  center: number;
  width: number;
}

export interface Voi {
  windows: (Window & { explanation: string | null })[];
  function: VoiFunction;
  /** A VOI LUT Sequence comes before windows (PS3.3 C.11.2.1.1). */
  lut: DataSet | null;
}

export function voiOf(frame: Frame): Voi {
  const own = frame.instance.dataset;
  const source = numbers(own, '00281050').length > 0 ? own : (group(frame, '00289132') ?? own);
  const centers = numbers(source, '00281050');
  const widths = numbers(source, '00281051');
  const explanations = texts(source, '00281055');
  const named = text(source, '00281056');
  return {
    windows: centers.flatMap((center, at) => {
      const width = widths[at];
      return width !== undefined && width > 0 ? [{ center, width, explanation: explanations[at] ?? null }] : [];
    }),
    function: named === 'SIGMOID' || named === 'LINEAR_EXACT' ? named : 'LINEAR',
    lut: sequence(own, '00283010')[0] ?? null,
  };
}

export function isColour(instance: Instance): boolean {
  return (number(instance.dataset, '00280002') ?? 1) > 1 || text(instance.dataset, '00280004') === 'PALETTE COLOR';
}

export function modalityOf(instance: Instance): string {
  return text(instance.dataset, '00080060') ?? '';
}
