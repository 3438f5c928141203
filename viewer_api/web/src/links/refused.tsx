import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { listRefusals, type Refusal } from '../api/links';
import { t } from '../i18n';
import { ago, fullInstant, number } from '../i18n/format';
import { Empty, Failed, Loading } from '../ui/page-state';
import { useNow } from '../ui/use';
import { AdoptDialog } from './adopt-dialog';
import { useFresh } from './fresh';

const UNKNOWN_CALLER = 'calling AE title not recognized';
const REASONS: Record<string, 'refused.calling' | 'refused.called' | 'refused.limit' | 'refused.congestion'> = {
  [UNKNOWN_CALLER]: 'refused.calling',
  'called AE title not recognized': 'refused.called',
  'local limit exceeded': 'refused.limit',
  'temporary congestion': 'refused.congestion',
};

/** Devices that knocked and were not let in; a device that is known to be a hospital's is adopted from here. */
export function RefusedPart(): JSX.Element {
  const { found, problem, reload } = useFresh(listRefusals);
  const [adopting, setAdopting] = useState<Refusal | null>(null);
  const now = useNow(10_000);
  if (!found) return problem ? <Failed error={problem} onRetry={reload} /> : <Loading />;
  if (found.length === 0) return <Empty title={t('refused.empty')} hint={t('refused.empty_hint')} />;
  return (
    <>
      <p class="dim links-head">{t('refused.means')}</p>
      <table class="links refused" data-testid="refused">
        <thead>
          <tr>
            <th>{t('refused.caller')}</th>
            <th>{t('refused.address')}</th>
            <th class="wide">{t('refused.why')}</th>
            <th>{t('refused.times')}</th>
            <th>{t('refused.last')}</th>
            <th>
              <span class="sr">{t('list.action')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {found.map((one) => (
            <tr key={one.id} data-testid="refused-row" data-caller={one.calling_ae_title}>
              <td data-label={t('refused.caller')}>
                <code>{one.calling_ae_title}</code>
              </td>
              <td data-label={t('refused.address')}>{one.address}</td>
              <td data-label={t('refused.why')} class="wide">
                <span>{reasonWords(one)}</span>
              </td>
              <td data-label={t('refused.times')}>{number(one.count)}</td>
              <td data-label={t('refused.last')} title={fullInstant(one.last_at)}>
                {ago(one.last_at, now)}
              </td>
              <td>
                {one.reason === UNKNOWN_CALLER && (
                  <button type="button" data-testid="adopt" onClick={() => setAdopting(one)}>
                    {t('refused.adopt')}
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {adopting && (
        <AdoptDialog
          refusal={adopting}
          onClose={() => {
            setAdopting(null);
            reload();
          }}
        />
      )}
    </>
  );
}

function reasonWords(refusal: Refusal): string {
  const word = REASONS[refusal.reason];
  return word ? t(word, { called: refusal.called_ae_title }) : refusal.reason;
}
