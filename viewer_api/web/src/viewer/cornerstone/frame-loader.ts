import type { Types } from '@cornerstonejs/core';
import { utilities } from '@cornerstonejs/core';
import { createImage } from '@cornerstonejs/dicom-image-loader';
import { http } from '../../api/http';
import { text } from '../dicom-json';
import { frameUrl, type StudyPlace } from '../dicomweb';
import type { Frame } from '../frame';
import { type FrameMetadata, type Table, tableOf } from './metadata';
import { framePart } from './multipart';
import { loadPalette } from './palette';

const ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';

/** Fetches one frame in its stored transfer syntax and lets Cornerstone's codecs decode it in a worker. */
export async function loadFrame(place: StudyPlace, frame: Frame, metadata: FrameMetadata, signal: AbortSignal): Promise<Types.IImage> {
  const uid = frame.instance.sop_instance_uid;
  if (text(frame.instance.dataset, '00280004') === 'PALETTE COLOR' && !metadata.hasPalette(uid)) {
    metadata.setPalette(uid, await loadPalette(frame.instance, signal));
  }
  const response = await http(frameUrl(place, frame), { accept: ACCEPT, signal });
  const part = framePart(new Uint8Array(await response.arrayBuffer()), response.headers.get('Content-Type') ?? '');
  signal.throwIfAborted();
  const image = (await createImage(frame.key, part.bytes, part.transferSyntax, { useRGBA: false })) as Types.IImage;
  return withTables(frame, image);
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
