import { calibrationOf } from './calibration';
import type { Frame } from './frame';
import type { PictureSize } from './view-transform';

export function sizeOf(frame: Frame): PictureSize {
  const calibration = calibrationOf(frame);
  return { columns: frame.instance.columns, rows: frame.instance.rows, column_spacing: calibration.column_mm, row_spacing: calibration.row_mm };
}
