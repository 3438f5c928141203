import { signal } from '@preact/signals';
import { en } from './en';
import { zhCN } from './zh-CN';

export type Language = 'zh-CN' | 'en';
export type Word = keyof typeof en;
export type Dictionary = Record<Word, string>;

const STORED_AS = 'farlight.language';
const dictionaries: Record<Language, Dictionary> = { en, 'zh-CN': zhCN };

export const language = signal<Language>(firstLanguage());

function firstLanguage(): Language {
  const stored = localStorage.getItem(STORED_AS);
  if (stored === 'en' || stored === 'zh-CN') return stored;
  return navigator.languages.some((one) => one.toLowerCase().startsWith('zh')) ? 'zh-CN' : 'en';
}

export function setLanguage(next: Language): void {
  language.value = next;
  localStorage.setItem(STORED_AS, next);
  document.documentElement.lang = next;
}

/** The wording of `word` in the page's language, `{name}` replaced by `values.name`. */
export function t(word: Word, values?: Record<string, string | number>): string {
  const text = dictionaries[language.value][word];
  return values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : text;
}

/** Whichever of two names the page's language wants, the other where it is missing. */
export function named(name: string | null | undefined, name_zh: string | null | undefined): string {
  const [first, second] = language.value === 'zh-CN' ? [name_zh, name] : [name, name_zh];
  return first || second || '';
}
