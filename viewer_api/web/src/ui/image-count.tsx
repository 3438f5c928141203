import type { JSX } from 'preact';
import type { Completeness } from '../api/types';
import { t } from '../i18n';
import { instant, number } from '../i18n/format';
import { evidenceLabel } from '../i18n/labels';
import { Icon } from './icons';

/** "N of M" in words: what is here, of how many, and never more than is known. */
export function countWords(count: Completeness): string {
  const values = { n: number(count.received), m: number(count.expected ?? 0), missing: number(count.missing) };
  if (count.state === 'RECEIVING') return t(count.expected === null ? 'count.receiving' : 'count.receiving_of', values);
  return t(`count.${count.state}`, values);
}

/** What the judgement rests on, one line each. */
export function evidenceLines(count: Completeness): string[] {
  return count.evidence.map((one) => {
    const words = [evidenceLabel(one.source), one.who, one.instances === null ? '' : t('evidence.images', { n: number(one.instances) })];
    return `${words.filter(Boolean).join(' ')} · ${instant(one.at)}`;
  });
}

/** The count for a column of figures: `36 / 40`, or `37 / ?` where nobody knows the total. */
export function ImageCount({ count }: { count: Completeness }): JSX.Element {
  const words = [countWords(count), ...evidenceLines(count)].join('\n');
  return (
    <span class={`image-count ${count.state.toLowerCase()}`} title={words} data-testid="image-count" data-count={count.state}>
      {number(count.received)}
      <span class="of" aria-hidden="true">
        {'\u2009/\u2009'}
        {count.expected === null ? '?' : number(count.expected)}
      </span>
      {count.state === 'COMPLETE' && <Icon name="check" size={13} />}
      {(count.state === 'INCOMPLETE' || count.state === 'MAY_BE_INCOMPLETE') && <Icon name="warning" size={13} />}
      <span class="sr">{words}</span>
    </span>
  );
}

/** The count in words, for the head of a page. */
export function ImageCountLine({ count }: { count: Completeness }): JSX.Element {
  return (
    <span class={`identity-images image-count ${count.state.toLowerCase()}`} title={evidenceLines(count).join('\n')} data-testid="identity-images" data-count={count.state}>
      {countWords(count)}
    </span>
  );
}

/** The count with what it rests on, for a panel that has room. */
export function CountEvidence({ count }: { count: Completeness }): JSX.Element {
  return (
    <div class="count-evidence" data-testid="count-evidence">
      <p class={`image-count ${count.state.toLowerCase()}`}>{countWords(count)}</p>
      {evidenceLines(count).map((line) => (
        <p key={line} class="dim small">
          {line}
        </p>
      ))}
    </div>
  );
}
