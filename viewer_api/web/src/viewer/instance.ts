import { type DataSet, number, text } from './dicom-json';

/** One stored object of a series, as far as showing it needs to know. */
export interface Instance {
  series_instance_uid: string;
  sop_instance_uid: string;
  sop_class_uid: string;
  instance_number: number | null;
  rows: number;
  columns: number;
  number_of_frames: number;
  dataset: DataSet;
}

export function instanceOf(dataset: DataSet): Instance {
  return {
    series_instance_uid: text(dataset, '0020000E') ?? '',
    sop_instance_uid: text(dataset, '00080018') ?? '',
    sop_class_uid: text(dataset, '00080016') ?? '',
    instance_number: number(dataset, '00200013'),
    rows: number(dataset, '00280010') ?? 0,
    columns: number(dataset, '00280011') ?? 0,
    number_of_frames: Math.max(1, number(dataset, '00280008') ?? 1),
    dataset,
  };
}

export type InstanceKind = 'image' | 'pdf' | 'sr' | 'video' | 'waveform' | 'presentation' | 'other';

const VIDEO_SYNTAX = /^1\.2\.840\.10008\.1\.2\.4\.10\d/;

/** What can be done with an instance, by its SOP Class (PS3.4 B.5) and what its data set holds. */
export function kindOf(instance: Instance): InstanceKind {
  const sopClass = instance.sop_class_uid;
  if (sopClass === '1.2.840.10008.5.1.4.1.1.104.1') return 'pdf';
  if (sopClass.startsWith('1.2.840.10008.5.1.4.1.1.88.')) return 'sr';
  if (sopClass.startsWith('1.2.840.10008.5.1.4.1.1.11.')) return 'presentation';
  if (sopClass.startsWith('1.2.840.10008.5.1.4.1.1.9.')) return 'waveform';
  if (VIDEO_SYNTAX.test(text(instance.dataset, '00083002') ?? text(instance.dataset, '00020010') ?? '')) return 'video';
  return instance.rows > 0 && instance.columns > 0 ? 'image' : 'other';
}
