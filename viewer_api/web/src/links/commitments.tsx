import type { JSX } from 'preact';
import type { Unreported } from '../api/links';
import { named, t } from '../i18n';
import { ago, fullInstant, number } from '../i18n/format';

/** Devices that asked us to answer for their images, and do not take the answer; nothing while there are none. */
export function CommitmentsPart({ items, now }: { items: Unreported[]; now: number }): JSX.Element | null {
  if (items.length === 0) return null;
  return (
    <section class="commitments" data-testid="commitments">
      <h2>{t('commitments.title')}</h2>
      <p class="dim">{t('commitments.means')}</p>
      <table class="links">
        <thead>
          <tr>
            <th>{t('links.hospital')}</th>
            <th>{t('links.node')}</th>
            <th>{t('commitments.number')}</th>
            <th>{t('commitments.since')}</th>
            <th class="wide">{t('links.to_do')}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <Line key={`${one.site.site}/${one.ae_title}`} one={one} now={now} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Line({ one, now }: { one: Unreported; now: number }): JSX.Element {
  return (
    <tr data-testid="commitment-row" data-node={one.ae_title}>
      <td data-label={t('links.hospital')}>
        <strong>{named(one.site.name, one.site.name_zh)}</strong>
      </td>
      <td data-label={t('links.node')}>
        <code>{one.ae_title}</code>
      </td>
      <td data-label={t('commitments.number')}>{number(one.waiting + one.given_up)}</td>
      <td data-label={t('commitments.since')} title={fullInstant(one.since)}>
        {ago(one.since, now)}
      </td>
      <td class="wide l-do">
        <ul class="troubles">
          {one.waiting > 0 && <li>{t('commitments.waiting_do', { n: number(one.waiting) })}</li>}
          {one.given_up > 0 && <li>{t('commitments.given_up_do', { n: number(one.given_up) })}</li>}
          <li class="dim">{one.last_error}</li>
        </ul>
      </td>
    </tr>
  );
}
