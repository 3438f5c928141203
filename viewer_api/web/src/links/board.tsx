import type { JSX } from 'preact';
import { getLinks, type LinkLine } from '../api/links';
import { named, t } from '../i18n';
import { ago, fullInstant, hourMinute, megabytes, number } from '../i18n/format';
import { linkStateLabel } from '../i18n/labels';
import { Icon } from '../ui/icons';
import { Empty, Failed, Loading } from '../ui/page-state';
import { useNow } from '../ui/use';
import { CommitmentsPart } from './commitments';
import { useFresh } from './fresh';
import { Troubles } from './troubles';

/** One line a node: what needs somebody first. */
export function BoardPart(): JSX.Element {
  const { found, problem, reload } = useFresh(getLinks);
  const now = useNow(10_000);
  if (!found) return problem ? <Failed error={problem} onRetry={reload} /> : <Loading />;
  if (found.items.length === 0) return <Empty title={t('links.empty')} hint={t('links.empty_hint')} />;
  return (
    <>
      <p class="links-head">
        <Summary items={found.items} />
        <span class="push dim small" data-testid="links-at">
          {problem ? t('links.stale', { at: hourMinute(found.at) }) : t('links.at', { at: hourMinute(found.at) })}
        </span>
      </p>
      <table class="links" data-testid="links">
        <thead>
          <tr>
            <th class="l-state">{t('links.state')}</th>
            <th class="l-site">{t('links.hospital')}</th>
            <th class="l-node">{t('links.node')}</th>
            <th class="l-seen">{t('links.last_seen')}</th>
            <th class="l-seen">{t('links.last_image')}</th>
            <th class="l-today">{t('links.today')}</th>
            <th class="l-trend">{t('links.trend')}</th>
            <th>{t('links.to_do')}</th>
          </tr>
        </thead>
        <tbody>
          {found.items.map((one) => (
            <Line key={`${one.site.site}/${one.ae_title}/${one.host}`} line={one} now={now} />
          ))}
        </tbody>
      </table>
      <CommitmentsPart items={found.commitments} now={now} />
    </>
  );
}

function Summary({ items }: { items: LinkLine[] }): JSX.Element {
  const bad = (['SILENT', 'TROUBLE', 'NEVER'] as const).map((state) => ({ state, n: items.filter((one) => one.state === state).length })).filter(({ n }) => n > 0);
  if (bad.length === 0) return <span class="link-dot ok">{t('links.all_well', { n: items.length })}</span>;
  return (
    <>
      {bad.map(({ state, n }) => (
        <span key={state} class={`link-dot ${state.toLowerCase()}`}>
          {linkStateLabel(state)} {number(n)}
        </span>
      ))}
      <span class="dim">{t('links.of_all', { n: items.length })}</span>
    </>
  );
}

function Line({ line, now }: { line: LinkLine; now: number }): JSX.Element {
  return (
    <tr data-testid="link-row" data-state={line.state} data-node={line.ae_title}>
      <td class="l-state">
        <span class={`link-dot ${line.state.toLowerCase()}`}>{linkStateLabel(line.state)}</span>
        <Now line={line} />
      </td>
      <td class="l-site" data-label={t('links.hospital')}>
        <strong>{named(line.site.name, line.site.name_zh)}</strong>
      </td>
      <td class="l-node" data-label={t('links.node')}>
        <span>
          <code>{line.ae_title}</code>
          <span class="dim small">
            {line.host === '*' ? line.address || t('links.any_address') : line.host}
            {line.tls && ' · TLS'}
            {!line.registered && ` · ${t('links.unregistered')}`}
          </span>
        </span>
      </td>
      <td class="l-seen" data-label={t('links.last_seen')} title={fullInstant(line.last_seen_at)}>
        {ago(line.last_seen_at, now) || <span class="dim">{t('links.never')}</span>}
      </td>
      <td class="l-seen" data-label={t('links.last_image')} title={fullInstant(line.last_image_at)}>
        {ago(line.last_image_at, now) || <span class="dim">{t('links.never')}</span>}
      </td>
      <td class="l-today" data-label={t('links.today')}>
        <Today line={line} />
      </td>
      <td class="l-trend" data-label={t('links.trend')}>
        <Trend hours={line.hours} />
      </td>
      <td class="l-do">
        <Troubles line={line} now={now} />
      </td>
    </tr>
  );
}

function Now({ line }: { line: LinkLine }): JSX.Element | null {
  if (line.open_associations === 0) return null;
  return (
    <span class="dim small">
      {line.sending > 0 && <Icon name="download" size={12} />} {t(line.sending > 0 ? 'links.sending' : 'links.open', { n: line.open_associations })}
    </span>
  );
}

function Today({ line }: { line: LinkLine }): JSX.Element {
  const { images, studies, bytes } = line.today;
  if (images === 0) return <span class="dim">–</span>;
  return (
    <span>
      {t('links.today_images', { n: number(images), studies: number(studies) })} <span class="dim small">{megabytes(bytes)}</span>
    </span>
  );
}

const BAR = 6;
const HEIGHT = 22;

/** Images hour by hour over the last day, the present hour at the right; each line has its own scale. */
function Trend({ hours }: { hours: number[] }): JSX.Element {
  const most = Math.max(1, ...hours);
  const total = hours.reduce((sum, one) => sum + one, 0);
  return (
    <svg class="trend" width={hours.length * BAR} height={HEIGHT} role="img" aria-label={t('links.trend_sum', { n: number(total), most: number(total ? most : 0) })}>
      <title>{t('links.trend_sum', { n: number(total), most: number(total ? most : 0) })}</title>
      {hours.map((one, at) => {
        const height = one === 0 ? 1 : Math.max(3, Math.round((one / most) * HEIGHT));
        return <rect key={at} class={one === 0 ? 'none' : ''} x={at * BAR} y={HEIGHT - height} width={BAR - 2} height={height} />;
      })}
    </svg>
  );
}
