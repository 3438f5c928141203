import type { KeyImage } from '../api/types';
import type { StudyPlace } from '../viewer/dicomweb';

/** The page of a study's images, and that page at one picture of it. */
export function studyAddress({ site, study_instance_uid }: StudyPlace): string {
  return `/studies/${encodeURIComponent(site)}/${encodeURIComponent(study_instance_uid)}`;
}

type Picture = Pick<KeyImage, 'series_instance_uid' | 'sop_instance_uid' | 'frame_number' | 'window'>;

export function imageAddress(place: StudyPlace, image: Picture): string {
  const values = new URLSearchParams({ series: image.series_instance_uid, instance: image.sop_instance_uid, frame: String(image.frame_number) });
  if (image.window) values.set('window', image.window.join(','));
  return `${studyAddress(place)}?${values.toString()}`;
}

export function imageOf(search: string): Picture | null {
  const values = new URLSearchParams(search);
  const [series_instance_uid, sop_instance_uid] = [values.get('series'), values.get('instance')];
  if (!series_instance_uid || !sop_instance_uid) return null;
  const [center, width] = (values.get('window') ?? '').split(',').map(Number);
  const window: Picture['window'] = center !== undefined && width && Number.isFinite(center) ? [center, width] : null;
  return { series_instance_uid, sop_instance_uid, frame_number: Number(values.get('frame') ?? 1), window };
}
