import type { JSX } from 'preact';
import { pdfUrl } from '../api/reports';
import type { Delivery, RequestDetail } from '../api/types';
import { named, t } from '../i18n';
import { fullInstant, hourMinute, instant } from '../i18n/format';
import { commandLabel, deliveryLabel, positivityLabel, stateLabel, versionKindLabel } from '../i18n/labels';
import { Icon } from '../ui/icons';
import { ReasonWords } from './reason-words';

export function Timeline({ request }: { request: RequestDetail }): JSX.Element {
  return (
    <ol class="timeline" data-testid="timeline">
      {[...request.events].reverse().map((event) => (
        <li key={event.id}>
          <time dateTime={event.at} title={fullInstant(event.at)}>
            {instant(event.at)}
          </time>
          <div>
            <span>{commandLabel(event.command)}</span>
            {event.to_state && event.to_state !== event.from_state && <span class="dim"> → {stateLabel(event.to_state)}</span>}
            <span class="dim"> {named(event.actor_name, event.actor_name_zh) || t('info.system')}</span>
            <div>
              <ReasonWords event={event} />
            </div>
          </div>
        </li>
      ))}
    </ol>
  );
}

export function Versions({ request }: { request: RequestDetail }): JSX.Element | null {
  if (request.report_versions.length === 0) return null;
  return (
    <ul class="versions" data-testid="versions">
      {[...request.report_versions].reverse().map((version) => (
        <li key={version.n}>
          <span class="version-n">{t('version.n', { n: version.n })}</span>
          <span>{versionKindLabel(version.kind)}</span>
          {version.positivity && <span class="dim">{positivityLabel(version.positivity)}</span>}
          <span class="dim">
            {named(version.signer_name, version.signer_name_zh) || named(version.author_name, version.author_name_zh)} {instant(version.signed_at)}
          </span>
          {version.signed_at && (
            <a class="push" href={pdfUrl(version.report_id, version.n)} target="_blank" rel="noopener" data-testid="version-pdf">
              PDF
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}

export function Deliveries({ request }: { request: RequestDetail }): JSX.Element | null {
  if (request.deliveries.length === 0) return null;
  return (
    <ul class="deliveries" data-testid="deliveries">
      {request.deliveries.map((one) => (
        <li key={one.id} data-state={one.state}>
          <span class={`delivery ${one.state.toLowerCase()}`}>
            <Icon name={one.state === 'DELIVERED' ? 'check' : one.state === 'DEAD' ? 'warning' : 'clock'} size={14} />
            {deliveryWords(one)}
          </span>
          <span>{one.destination}</span>
          <span class="dim">{one.format.toUpperCase()}</span>
          {one.last_error && one.state !== 'DELIVERED' && <p class="reason">{one.last_error}</p>}
        </li>
      ))}
    </ul>
  );
}

function deliveryWords(one: Delivery): string {
  const label = deliveryLabel(one.state);
  if (one.state === 'DELIVERED' && one.delivered_at) return `${label} ${instant(one.delivered_at)}`;
  if (one.state === 'RETRY_WAIT' && one.next_attempt_at) return t('delivery.retry_at', { n: one.attempts, at: hourMinute(one.next_attempt_at) });
  return label;
}
