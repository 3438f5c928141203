import type { JSX } from 'preact';
import type { ReportContent } from '../api/types';
import { t } from '../i18n';
import { positivityLabel } from '../i18n/labels';
import { TEXT_FIELDS } from './content';

interface TwoTextsProps {
  mine: ReportContent;
  theirs: ReportContent | null;
  mineTitle: string;
  theirsTitle: string;
}

/** Two states of one report side by side; fields that differ are marked. */
export function TwoTexts({ mine, theirs, mineTitle, theirsTitle }: TwoTextsProps): JSX.Element {
  return (
    <div class={`two-texts ${theirs ? '' : 'one'}`}>
      <Column title={mineTitle} content={mine} other={theirs} testid="text-mine" />
      {theirs && <Column title={theirsTitle} content={theirs} other={mine} testid="text-theirs" />}
    </div>
  );
}

function Column({ title, content, other, testid }: { title: string; content: ReportContent; other: ReportContent | null; testid: string }): JSX.Element {
  return (
    <section data-testid={testid}>
      <h3>{title}</h3>
      {TEXT_FIELDS.filter((field) => content[field].trim() || other?.[field].trim()).map((field) => (
        <div key={field} class={other && other[field].trim() !== content[field].trim() ? 'differs' : ''}>
          <h4>{t(`field.${field}`)}</h4>
          <p>{content[field] || '–'}</p>
        </div>
      ))}
      <div class={other && other.positivity !== content.positivity ? 'differs' : ''}>
        <h4>{t('field.positivity')}</h4>
        <p>
          {content.positivity ? positivityLabel(content.positivity) : '–'} · {t('sign.key_images', { n: content.key_images.length })}
        </p>
      </div>
    </section>
  );
}

/** The text as plain lines, for the clipboard. */
export function plainText(content: ReportContent): string {
  return TEXT_FIELDS.filter((field) => content[field].trim())
    .map((field) => `${t(`field.${field}`)}\n${content[field].trim()}`)
    .join('\n\n');
}
