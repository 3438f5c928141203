import type { JSX } from 'preact';
import type { LinkLine, LinkTrouble } from '../api/links';
import { t, type Word } from '../i18n';
import { ago, instant, number } from '../i18n/format';
import { linkTroubleLabel } from '../i18n/labels';
import { en } from '../i18n/en';
import { sendsImages } from '../session/session';

const ASIDE = new Set(['OTHER_PATIENT', 'OTHER_CONTENT', 'OTHER_SERIES', 'HELD_ASIDE']);
/** Breaks that a good association made up for are told in a lower voice. */
const BREAKS = new Set(['LOST', 'ABORTED', 'IDLE']);
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
        <li key={one.reason} class={BREAKS.has(one.reason) && one.reason !== line.last_trouble ? 'dim' : ''}>
          <TroubleLine trouble={one} />
        </li>
      ))}
    </ul>
  );
}

function TroubleLine({ trouble }: { trouble: LinkTrouble }): JSX.Element {
  return (
    <>
      <strong>
        {linkTroubleLabel(trouble.reason)} × {number(trouble.count)}
      </strong>{' '}
      <span class="dim small">{t('links.hour_of', { at: instant(trouble.last_hour) })}</span>{' '}
      {ASIDE.has(trouble.reason) ? sendsImages.value && <a href="/links/aside">{t('links.see_aside')}</a> : <span>{whatToDo(trouble.reason)}</span>}
    </>
  );
}

function whatToDo(reason: string): string {
  const word = `link_do.${reason}`;
  return word in en ? t(word as Word) : t('link_do.other');
}
