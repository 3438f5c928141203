import type { PersonName } from '../api/types';
import { language, t } from './index';

const formats = new Map<string, Intl.DateTimeFormat>();

function format(key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${language.value}/${key}`;
  let known = formats.get(name);
  if (!known) {
    known = new Intl.DateTimeFormat(language.value === 'en' ? 'en-GB' : 'zh-CN', { hourCycle: 'h23', ...options });
    formats.set(name, known);
  }
  return known;
}

/** An instant (ISO 8601) as month, day, hour and minute of this computer's clock; the year only when it is another one. */
export function instant(iso: string | null | undefined): string {
  if (!iso) return '';
  const at = new Date(iso);
  const sameYear = at.getFullYear() === new Date().getFullYear();
  const base: Intl.DateTimeFormatOptions = { month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' };
  return sameYear ? format('instant', base).format(at) : format('instant-y', { year: 'numeric', ...base }).format(at);
}

export function fullInstant(iso: string | null | undefined): string {
  return iso ? format('full', { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso)) : '';
}

/** Hour, minute and second of this computer's clock. */
export function clock(iso: string | number): string {
  return format('clock', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(new Date(iso));
}

export function hourMinute(iso: string | number): string {
  return format('hm', { hour: '2-digit', minute: '2-digit' }).format(new Date(iso));
}

/** How long ago an instant was, in its largest unit. */
export function ago(iso: string | null, now: number): string {
  if (!iso) return '';
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  if (seconds < 60) return t('ago.now');
  if (seconds < 3600) return t('ago.minutes', { n: Math.floor(seconds / 60) });
  if (seconds < 48 * 3600) return t('ago.hours', { n: Math.floor(seconds / 3600) });
  return t('ago.days', { n: Math.floor(seconds / 86_400) });
}

/** Bytes in the unit in which people think of images. */
export function megabytes(bytes: number): string {
  const digits = (value: number): string => new Intl.NumberFormat(language.value, { maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
  return bytes >= 1e9 ? `${digits(bytes / 1e9)} GB` : `${digits(bytes / 1e6)} MB`;
}

/** A DICOM date (DA, `20261122`) as `2026-11-22`; what is no date is shown as it came. */
export function dicomDate(date: string | null | undefined): string {
  const parts = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? '');
  return parts ? `${parts[1]}-${parts[2]}-${parts[3]}` : (date ?? '');
}

/** A DICOM time (TM, `140305.12`) as `14:03`. */
export function dicomTime(time: string | null | undefined): string {
  const parts = /^(\d{2})(\d{2})/.exec(time ?? '');
  return parts ? `${parts[1]}:${parts[2]}` : (time ?? '');
}

/** A DICOM age (AS, `064Y`) in words. */
export function dicomAge(age: string | null | undefined): string {
  const parts = /^(\d{1,3})([DWMY])$/.exec(age ?? '');
  if (!parts) return age ?? '';
  const unit = { D: 'age.days', W: 'age.weeks', M: 'age.months', Y: 'age.years' } as const;
  return t(unit[parts[2] as 'D'], { n: Number(parts[1]) });
}

export function number(value: number): string {
  return new Intl.NumberFormat(language.value).format(value);
}

/** PN carets and doubled blanks are for machines. */
function plain(group: string | null | undefined): string {
  return (group ?? '').replace(/\^/g, ' ').replace(/\s+/g, ' ').trim();
}

/** The name in the script that the page's language reads first. */
export function personName(name: PersonName): string {
  const [ideographic, alphabetic] = [plain(name.ideographic).replace(/(\p{Script=Han}) (?=\p{Script=Han})/gu, '$1'), plain(name.alphabetic)];
  const first = language.value === 'zh-CN' ? ideographic || alphabetic : alphabetic || ideographic;
  return first || plain(name.phonetic) || t('patient.unnamed');
}

/** Every script the name was sent in, the preferred one first, none twice. */
export function personNames(name: PersonName): string[] {
  const all = [personName(name), plain(name.ideographic).replace(/(\p{Script=Han}) (?=\p{Script=Han})/gu, '$1'), plain(name.alphabetic), plain(name.phonetic)];
  return all.filter((one, at) => one !== '' && all.indexOf(one) === at);
}

export interface Countdown {
  text: string;
  overdue: boolean;
  /** A quarter of the time or less is left. */
  close: boolean;
}

/** What is left until `due_at`, as hours and minutes, with how urgent that is. */
export function countdown(due_at: string | null, submitted_at: string | null, now: number): Countdown | null {
  if (!due_at) return null;
  const due = Date.parse(due_at);
  const left_min = Math.floor(Math.abs(due - now) / 60_000);
  const start = submitted_at ? Date.parse(submitted_at) : due - 24 * 3_600_000;
  const overdue = now > due;
  return {
    text: `${overdue ? '−' : ''}${duration(left_min)}`,
    overdue,
    close: !overdue && due - now <= (due - start) / 4,
  };
}

function duration(minutes: number): string {
  if (minutes >= 48 * 60) return t('duration.days', { n: Math.floor(minutes / (24 * 60)) });
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
}

const NOT_PICTURES = new Set(['SR', 'DOC', 'PR', 'KO', 'AU', 'PLAN']);

/** The modalities that made pictures; reports and marks stored beside them say nothing of the examination. */
export function modalities(all: string[]): string {
  const pictures = all.filter((one) => !NOT_PICTURES.has(one));
  return (pictures.length > 0 ? pictures : all).join(' ');
}
