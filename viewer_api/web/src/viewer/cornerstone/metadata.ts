import { number, numbers, sequence, text, texts } from '../dicom-json';
import { calibrationOf } from '../calibration';
import { type Frame, modalityOf, planeOf, rescaleOf, voiOf } from '../frame';
import type { Palette } from './palette';

/** Answers Cornerstone's questions about a frame, from our own reading of its metadata (functional groups included). */
export class FrameMetadata {
  private readonly frames = new Map<string, Frame>();
  private readonly palettes = new Map<string, Palette>();
  private readonly rgb = new Set<string>();

  add(frame: Frame): void {
    this.frames.set(frame.key, frame);
  }

  setPalette(sop_instance_uid: string, palette: Palette): void {
    this.palettes.set(sop_instance_uid, palette);
  }

  /** The object's frames are handed on as RGB, whatever its header says. */
  setDecodedAsRgb(sop_instance_uid: string): void {
    this.rgb.add(sop_instance_uid);
  }

  hasPalette(sop_instance_uid: string): boolean {
    return this.palettes.has(sop_instance_uid);
  }

  frame(key: string): Frame | undefined {
    return this.frames.get(key);
  }

  clear(): void {
    this.frames.clear();
    this.palettes.clear();
    this.rgb.clear();
  }

  readonly provide = (type: string, key: unknown): unknown => {
    const frame = typeof key === 'string' ? this.frames.get(key) : undefined;
    if (!frame) return undefined;
    switch (type) {
      case 'imagePixelModule':
        return this.pixelModule(frame);
      case 'imagePlaneModule':
        return planeModule(frame);
      case 'generalSeriesModule':
        return { modality: modalityOf(frame.instance), seriesInstanceUID: frame.instance.series_instance_uid };
      case 'sopCommonModule':
        return { sopClassUID: frame.instance.sop_class_uid, sopInstanceUID: frame.instance.sop_instance_uid };
      case 'voiLutModule':
        return voiModule(frame);
      case 'modalityLutModule':
        return modalityModule(frame);
      case 'calibrationModule':
        return {};
      default:
        return undefined;
    }
  };

  private pixelModule(frame: Frame): Record<string, unknown> {
    const dataset = frame.instance.dataset;
    const palette = this.palettes.get(frame.instance.sop_instance_uid);
    const isRgb = this.rgb.has(frame.instance.sop_instance_uid);
    return {
      samplesPerPixel: number(dataset, '00280002') ?? 1,
      photometricInterpretation: isRgb ? 'RGB' : (text(dataset, '00280004') ?? 'MONOCHROME2'),
      planarConfiguration: isRgb ? 0 : (number(dataset, '00280006') ?? 0),
      rows: frame.instance.rows,
      columns: frame.instance.columns,
      bitsAllocated: number(dataset, '00280100') ?? 8,
      bitsStored: number(dataset, '00280101') ?? 8,
      highBit: number(dataset, '00280102') ?? 7,
      pixelRepresentation: number(dataset, '00280103') ?? 0,
      ...(palette
        ? {
            redPaletteColorLookupTableDescriptor: palette.descriptor,
            greenPaletteColorLookupTableDescriptor: palette.descriptor,
            bluePaletteColorLookupTableDescriptor: palette.descriptor,
            redPaletteColorLookupTableData: palette.red,
            greenPaletteColorLookupTableData: palette.green,
            bluePaletteColorLookupTableData: palette.blue,
          }
        : {}),
    };
  }
}

function planeModule(frame: Frame): Record<string, unknown> {
  const plane = planeOf(frame);
  const calibration = calibrationOf(frame);
  const dataset = frame.instance.dataset;
  return {
    frameOfReferenceUID: text(dataset, '00200052') ?? frame.instance.series_instance_uid,
    rows: frame.instance.rows,
    columns: frame.instance.columns,
    imageOrientationPatient: [...plane.row, ...plane.column],
    rowCosines: plane.row,
    columnCosines: plane.column,
    imagePositionPatient: plane.position,
    sliceThickness: number(dataset, '00180050') ?? undefined,
    sliceLocation: number(dataset, '00201041') ?? undefined,
    pixelSpacing: [calibration.row_mm, calibration.column_mm],
    rowPixelSpacing: calibration.row_mm,
    columnPixelSpacing: calibration.column_mm,
    usingDefaultValues: calibration.source === 'NONE',
  };
}

function voiModule(frame: Frame): Record<string, unknown> {
  const voi = voiOf(frame);
  if (voi.windows.length === 0) return {};
  return {
    windowCenter: voi.windows.map((one) => one.center),
    windowWidth: voi.windows.map((one) => one.width),
    voiLUTFunction: [voi.function],
  };
}

function modalityModule(frame: Frame): Record<string, unknown> {
  const rescale = rescaleOf(frame);
  return { rescaleSlope: rescale.slope, rescaleIntercept: rescale.intercept, rescaleType: rescale.type ?? undefined };
}

/** A table of Modality or VOI LUT Sequence (PS3.3 C.11.1.1, C.11.2.1.1): its first input value and its outputs. */
export interface Table {
  first: number;
  bits: number;
  outputs: number[];
}

export function tableOf(frame: Frame, sequenceTag: '00283000' | '00283010'): Table | null {
  const item = sequence(frame.instance.dataset, sequenceTag)[0];
  const [, first, bits] = numbers(item, '00283002');
  const outputs = numbers(item, '00283006');
  if (first === undefined || bits === undefined || outputs.length === 0) return null;
  const signed = number(frame.instance.dataset, '00280103') === 1;
  return { first: signed && first > 0x7fff ? first - 0x10000 : first, bits, outputs };
}

export function orientationText(frame: Frame): string[] {
  return texts(frame.instance.dataset, '00200020');
}
