import { t } from '../i18n';
import { number, text } from './dicom-json';
import type { Frame } from './frame';

/** Whether the stored object itself went through lossy compression (PS3.3 C.7.6.1.1.5). */
export function isLossy(frame: Frame): boolean {
  return text(frame.instance.dataset, '00282110') === '01';
}

export function lossyRatio(frame: Frame): string | null {
  if (!isLossy(frame)) return null;
  const ratio = number(frame.instance.dataset, '00282112');
  return ratio ? t('viewer.stored_lossy_ratio', { ratio: Math.round(ratio * 10) / 10 }) : t('viewer.stored_lossy');
}
