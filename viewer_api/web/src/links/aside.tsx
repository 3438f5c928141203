import type { JSX } from 'preact';
import { listConflicts } from '../api/studies';
import type { ConflictItem } from '../api/types';
import { t, type Word } from '../i18n';
import { en } from '../i18n/en';
import { instant, number } from '../i18n/format';
import { conflictLabel } from '../i18n/labels';
import { Empty, Failed, Loading } from '../ui/page-state';
import { useFresh } from './fresh';

/** What came under a known identifier and was not the same: kept apart, with what it means and what to do. */
export function AsidePart(): JSX.Element {
  const { found, problem, reload } = useFresh((signal) => listConflicts(undefined, signal));
  if (!found) return problem ? <Failed error={problem} onRetry={reload} /> : <Loading />;
  if (found.length === 0) return <Empty title={t('aside.empty')} hint={t('aside.empty_hint')} />;
  const kinds = [...new Set(found.map((one) => one.kind))];
  return (
    <>
      <p class="dim links-head">{t('aside.means')}</p>
      {kinds.map((kind) => (
        <Kind key={kind} kind={kind} items={found.filter((one) => one.kind === kind)} />
      ))}
    </>
  );
}

function Kind({ kind, items }: { kind: string; items: ConflictItem[] }): JSX.Element {
  const word = `aside.${kind}`;
  return (
    <section class="sheet aside-kind" data-testid="aside-kind" data-kind={kind}>
      <h3>
        {conflictLabel(kind)} <span class="dim">{number(items.length)}</span>
      </h3>
      {word in en && <p>{t(word as Word)}</p>}
      <table class="links aside">
        <thead>
          <tr>
            <th class="l-seen">{t('studies.received')}</th>
            <th class="l-node">{t('aside.sender')}</th>
            <th>{t('aside.study')}</th>
            <th>{t('aside.instance')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <tr key={one.id} data-testid="aside-row">
              <td data-label={t('studies.received')}>{instant(one.received_at)}</td>
              <td data-label={t('aside.sender')}>
                <code>{one.sender}</code>
              </td>
              <td data-label={t('aside.study')}>
                <a href={`/studies/${one.site}/${one.study_instance_uid}`}>
                  <code>{one.study_instance_uid}</code>
                </a>
              </td>
              <td data-label={t('aside.instance')}>
                <code>{one.sop_instance_uid}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
