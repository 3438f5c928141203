import type { Clinical, ReportContent } from '../api/types';

export type TextField = 'technique' | 'clinical_info' | 'comparison' | 'findings' | 'impression' | 'recommendation';

/** The editor's text fields in the order they are written and printed. */
export const TEXT_FIELDS: TextField[] = ['clinical_info', 'technique', 'comparison', 'findings', 'impression', 'recommendation'];

export const KEY_IMAGES_MOST = 12;

export const emptyContent: ReportContent = {
  technique: '',
  clinical_info: '',
  comparison: '',
  findings: '',
  impression: '',
  recommendation: '',
  positivity: null,
  key_images: [],
};

/** A new draft starts with what the requester wrote. */
export function startingContent(clinical: Clinical): ReportContent {
  const lines = [clinical.history, clinical.diagnosis, clinical.purpose].filter((one): one is string => Boolean(one?.trim()));
  return { ...emptyContent, clinical_info: lines.join('\n') };
}

/** Whatever the server left out is empty. */
export function complete(content: Partial<ReportContent> | null | undefined): ReportContent {
  const whole = { ...emptyContent, ...content };
  for (const field of TEXT_FIELDS) whole[field] = whole[field] ?? '';
  whole.key_images = whole.key_images ?? [];
  return whole;
}

export function isSame(one: ReportContent, two: ReportContent): boolean {
  return (
    TEXT_FIELDS.every((field) => one[field] === two[field]) &&
    one.positivity === two.positivity &&
    JSON.stringify(one.key_images.map(imageParts)) === JSON.stringify(two.key_images.map(imageParts))
  );
}

function imageParts(image: ReportContent['key_images'][number]): unknown[] {
  return [image.series_instance_uid, image.sop_instance_uid, image.frame_number, image.window, image.caption];
}

export function isEmpty(content: ReportContent): boolean {
  return isSame(content, emptyContent);
}

/** What submitting and signing still need, in the order of the form. */
export function missing(content: ReportContent): ('findings' | 'impression' | 'positivity')[] {
  const lacking: ('findings' | 'impression' | 'positivity')[] = [];
  if (!content.findings.trim()) lacking.push('findings');
  if (!content.impression.trim()) lacking.push('impression');
  if (!content.positivity) lacking.push('positivity');
  return lacking;
}

/** Both texts, one after the other, for somebody who wants to sort it out by hand. */
export function joined(mine: ReportContent, theirs: ReportContent): ReportContent {
  const both = { ...mine };
  for (const field of TEXT_FIELDS) {
    if (mine[field].trim() === theirs[field].trim()) continue;
    both[field] = [theirs[field].trim(), mine[field].trim()].filter(Boolean).join('\n— — —\n');
  }
  both.positivity = mine.positivity ?? theirs.positivity;
  const known = new Set(mine.key_images.map((one) => JSON.stringify(imageParts(one))));
  both.key_images = [...mine.key_images, ...theirs.key_images.filter((one) => !known.has(JSON.stringify(imageParts(one))))].slice(0, KEY_IMAGES_MOST);
  return both;
}
