import type { JSX } from 'preact';
import type { LinkLine, LinkTrouble } from '../api/links';
import { t, type Word } from '../i18n';
import { ago, number } from '../i18n/format';
import { linkTroubleLabel } from '../i18n/labels';
import { en } from '../i18n/en';

const ASIDE = new Set(['OTHER_PATIENT', 'OTHER_CONTENT', 'OTHER_SERIES', 'HELD_ASIDE']);
const MOST = 3;

/** What is wrong with a link and what to do about it, in one or two lines each. */
export function Troubles({ line, now }: { line: LinkLine; now: number }): JSX.Element {
  const shown = line.troubles.slice(0, MOST);
  return (
    <ul class="troubles">
      {line.state === 'SILENT' && line.silence && (
        <li>
          <strong>{t('links.silent_for', { ago: ago(line.last_image_at, now), times: number(Math.round(line.silence.times)) })}</strong> <span>{t('links.silent_do')}</span>
        </li>
      )}
      {line.state === 'NEVER' && <li>{t('links.never_do')}</li>}
      {line.state === 'LEARNING' && shown.length === 0 && <li class="dim">{t('links.learning_means')}</li>}
      {shown.map((one) => (
        <li key={one.reason} class={one.reason === line.last_trouble ? '' : 'dim'}>
          <TroubleLine trouble={one} now={now} />
        </li>
      ))}
    </ul>
  );
}

function TroubleLine({ trouble, now }: { trouble: LinkTrouble; now: number }): JSX.Element {
  return (
    <>
      <strong>
        {linkTroubleLabel(trouble.reason)} × {number(trouble.count)}
      </strong>{' '}
      <span class="dim small" title={trouble.last_hour}>
        {t('links.within_hour_of', { ago: ago(trouble.last_hour, now) })}
      </span>{' '}
      {ASIDE.has(trouble.reason) ? <a href="/links/aside">{t('links.see_aside')}</a> : <span>{whatToDo(trouble.reason)}</span>}
    </>
  );
}

function whatToDo(reason: string): string {
  const word = `link_do.${reason}`;
  return word in en ? t(word as Word) : t('link_do.other');
}
