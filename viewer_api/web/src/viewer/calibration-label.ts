import { t, type Word } from '../i18n';
import type { CalibrationSource } from './calibration';

/** Where the millimetres of a measurement come from, in words. */
export function calibrationLabel(source: CalibrationSource): string {
  return t(`calibration.${source}` as Word);
}
