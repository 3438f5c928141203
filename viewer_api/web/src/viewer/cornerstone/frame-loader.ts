import type { Types } from '@cornerstonejs/core';
import { utilities } from '@cornerstonejs/core';
import { createImage } from '@cornerstonejs/dicom-image-loader';
import { http } from '../../api/http';
import { number, numbers, text } from '../dicom-json';
import { frameUrl, type StudyPlace } from '../dicomweb';
import { type Frame, isColour } from '../frame';
import { decodeColourJpeg } from './jpeg-colour';
import { type FrameMetadata, type Table, tableOf } from './metadata';
import { EXPLICIT_LITTLE_ENDIAN, framePart } from './multipart';
import { loadPalette } from './palette';

const ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';

/** Fetches one frame in its stored transfer syntax and lets Cornerstone's codecs decode it in a worker. */
export async function loadFrame(place: StudyPlace, frame: Frame, metadata: FrameMetadata, signal: AbortSignal): Promise<Types.IImage> {
  const { dataset, sop_instance_uid } = frame.instance;
  const photometric = text(dataset, '00280004') ?? '';
  if (isPartlyColoured(frame)) throw new Error('A supplemental palette is drawn by the server only.');
  if (photometric === 'PALETTE COLOR' && !metadata.hasPalette(sop_instance_uid)) {
    metadata.setPalette(sop_instance_uid, await loadPalette(frame.instance, signal));
  }
  const response = await http(frameUrl(place, frame), { accept: ACCEPT, signal });
  const part = framePart(new Uint8Array(await response.arrayBuffer()), response.headers.get('Content-Type') ?? '');
  signal.throwIfAborted();
  if (part.transferSyntax === JPEG_BASELINE && number(dataset, '00280002') === 3) {
    const rgb = await decodeColourJpeg(part.bytes, photometric);
    metadata.setDecodedAsRgb(sop_instance_uid);
    return decoded(frame, rgb, EXPLICIT_LITTLE_ENDIAN);
  }
  return withTables(frame, await decoded(frame, part.bytes, part.transferSyntax));
}

async function decoded(frame: Frame, bytes: Uint8Array, transferSyntax: string): Promise<Types.IImage> {
  return (await createImage(frame.key, bytes, transferSyntax, { useRGBA: false })) as Types.IImage;
}

/** A grey image of which a range of values is shown in colour (PS3.3 C.7.6.19); Cornerstone would show it all grey. */
function isPartlyColoured(frame: Frame): boolean {
  const presentation = text(frame.instance.dataset, '00089205');
  return (presentation === 'COLOR' || presentation === 'MIXED') && !isColour(frame.instance) && numbers(frame.instance.dataset, '00281101').length === 3;
}

/** Modality LUT and VOI LUT sequences, which Cornerstone's GPU path leaves out, looked up in the decoded values. */
function withTables(frame: Frame, image: Types.IImage): Types.IImage {
  if (image.color) return image;
  const modality = tableOf(frame, '00283000');
  if (modality) lookUp(image, modality);
  const voi = tableOf(frame, '00283010');
  if (voi) {
    lookUp(image, voi);
    image.windowWidth = 2 ** voi.bits;
    image.windowCenter = image.windowWidth / 2;
  }
  return image;
}

function lookUp(image: Types.IImage, table: Table): void {
  const source = image.getPixelData();
  const last = table.outputs.length - 1;
  const looked = new (table.bits > 8 ? Uint16Array : Uint8Array)(source.length);
  let [low, high] = [Infinity, -Infinity];
  for (let at = 0; at < source.length; at++) {
    const value = table.outputs[Math.min(last, Math.max(0, (source[at] ?? 0) - table.first))] ?? 0;
    looked[at] = value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  image.getPixelData = () => looked;
  image.voxelManager = utilities.VoxelManager.createImageVoxelManager({ scalarData: looked, width: image.columns, height: image.rows, numberOfComponents: 1 });
  image.minPixelValue = low;
  image.maxPixelValue = high;
  image.sizeInBytes = looked.byteLength;
}
