import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { listReasons } from '../api/requests';
import type { LastEvent, Reason } from '../api/types';
import { language } from '../i18n';

const catalogue = signal<ReadonlyMap<string, Reason>>(new Map());

/** Why something was done: the coded reason in the page's language, and the words that came with it. */
export function ReasonWords({ event }: { event: Pick<LastEvent, 'reason_code' | 'reason_text'> }): JSX.Element | null {
  const { reason_code, reason_text } = event;
  useEffect(() => {
    if (!reason_code || catalogue.value.size > 0) return;
    listReasons().then(
      (all) => (catalogue.value = new Map(all.map((one) => [one.code, one]))),
      () => undefined,
    );
  }, [reason_code]);
  if (!reason_code && !reason_text) return null;
  const reason = reason_code ? catalogue.value.get(reason_code) : undefined;
  const meaning = reason ? (language.value === 'zh-CN' ? reason.meaning_zh : reason.meaning) : reason_code;
  return <span class="reason">{[meaning, reason_text].filter(Boolean).join(language.value === 'zh-CN' ? '：' : ': ')}</span>;
}
