import type { KeyImage } from '../api/types';
import type { Viewer } from './viewer';

/** The picture shown now with the window chosen for it, to be put in the report. */
export function keyImageOf(viewer: Viewer): Omit<KeyImage, 'caption'> | null {
  const shown = viewer.shown.value;
  if (!shown) return null;
  const window = viewer.windowing.chosen.value;
  return {
    series_instance_uid: shown.frame.instance.series_instance_uid,
    sop_instance_uid: shown.frame.instance.sop_instance_uid,
    frame_number: shown.frame.frame_number,
    window: window ? [Math.round(window.center), Math.round(window.width)] : null,
  };
}

/** Shows a picture that a report names, in the window that it names. */
export async function openKeyImage(viewer: Viewer, image: Omit<KeyImage, 'caption'>): Promise<void> {
  const items = await viewer.series.items(image.series_instance_uid);
  for (const item of items) {
    if (item.kind !== 'stack') continue;
    const at = item.frames.findIndex((one) => one.instance.sop_instance_uid === image.sop_instance_uid && one.frame_number === image.frame_number);
    if (at < 0) continue;
    if (item.id !== viewer.item.value?.id) viewer.select(item, at);
    else viewer.goTo(at);
    if (image.window) viewer.windowing.chosen.value = { center: image.window[0], width: image.window[1] };
  }
}
