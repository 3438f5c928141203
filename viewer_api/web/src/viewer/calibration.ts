import { number, numbers, sequence } from './dicom-json';
import { type Frame, pair, pixelSpacing } from './frame';

/** Where millimetres come from; what a measurement says of itself. */
export type CalibrationSource = 'PIXEL_SPACING' | 'CALIBRATED' | 'MAGNIFICATION' | 'DETECTOR' | 'SCANNER' | 'REGION' | 'NONE';

export interface Calibration {
  row_mm: number;
  column_mm: number;
  source: CalibrationSource;
}

/**
 * Pixel Spacing > Imager Pixel Spacing / magnification > Imager Pixel Spacing at the detector > Nominal Scanned Pixel Spacing > an
 * ultrasound region > pixels only (PS3.3 10.7, C.8.5.5). Without mm the spacing is 1, or the Pixel Aspect Ratio.
 */
export function calibrationOf(frame: Frame): Calibration {
  const dataset = frame.instance.dataset;
  const spacing = pixelSpacing(frame);
  const imager = pair(numbers(dataset, '00181164'));
  if (spacing) {
    const calibrated = imager !== null && (imager[0] !== spacing[0] || imager[1] !== spacing[1]);
    return of(spacing, calibrated ? 'CALIBRATED' : imager ? detectorSource(frame) : 'PIXEL_SPACING');
  }
  if (imager) {
    const factor = magnification(frame);
    return factor ? of([imager[0] / factor, imager[1] / factor], 'MAGNIFICATION') : of(imager, 'DETECTOR');
  }
  const scanned = pair(numbers(dataset, '00182010'));
  if (scanned) return of(scanned, 'SCANNER');
  return ultrasound(frame) ?? of(aspect(frame), 'NONE');
}

/** Pixel Spacing that merely repeats the detector's spacing is no calibration (PS3.3 10.7.1.3). */
function detectorSource(frame: Frame): CalibrationSource {
  return numbers(frame.instance.dataset, '00280A04').length > 0 ? 'CALIBRATED' : 'DETECTOR';
}

function magnification(frame: Frame): number | null {
  const dataset = frame.instance.dataset;
  const told = number(dataset, '00181114');
  if (told && told > 0) return told;
  const [detector, patient] = [number(dataset, '00181110'), number(dataset, '00181111')];
  return detector && patient && patient > 0 && detector > patient ? detector / patient : null;
}

/** One spatial ultrasound region in cm (units 3) that covers the picture's middle (PS3.3 C.8.5.5.1). */
function ultrasound(frame: Frame): Calibration | null {
  const { columns, rows, dataset } = frame.instance;
  for (const region of sequence(dataset, '00186011')) {
    const [x0, y0, x1, y1] = ['00186018', '0018601A', '0018601C', '0018601E'].map((tag) => number(region, tag) ?? NaN) as [number, number, number, number];
    const inside = columns / 2 >= x0 && columns / 2 <= x1 && rows / 2 >= y0 && rows / 2 <= y1;
    const [dx, dy] = [number(region, '0018602C'), number(region, '0018602E')];
    const spatial = number(region, '00186024') === 3 && number(region, '00186026') === 3;
    if (inside && spatial && dx && dy) return of([Math.abs(dy) * 10, Math.abs(dx) * 10], 'REGION');
  }
  return null;
}

function aspect(frame: Frame): [number, number] {
  return pair(numbers(frame.instance.dataset, '00280034')) ?? [1, 1];
}

function of([row_mm, column_mm]: [number, number], source: CalibrationSource): Calibration {
  return { row_mm, column_mm, source };
}
