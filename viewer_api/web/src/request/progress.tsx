import type { JSX } from 'preact';
import type { RequestDetail, RequestState } from '../api/types';
import { t } from '../i18n';
import { instant } from '../i18n/format';
import { stateLabel } from '../i18n/labels';
import { Icon } from '../ui/icons';

const ROAD: RequestState[] = ['WAITING_IMAGES', 'QUEUED', 'READING', 'AWAITING_REVIEW', 'REVIEWING', 'REPORTED'];

/** The road of a request, with when each state was last reached. */
export function Progress({ request }: { request: RequestDetail }): JSX.Element {
  const reached = (state: RequestState): string | null => [...request.events].reverse().find((one) => one.to_state === state)?.at ?? null;
  // Studies that had arrived whole never waited for images.
  const road = ROAD.filter((one) => one !== 'WAITING_IMAGES' || request.state === one || reached(one) !== null);
  const at = road.indexOf(request.state);
  return (
    <ol class="progress" data-testid="progress" aria-label={t('requester.progress')}>
      {road.map((state, index) => {
        const passed = at > index || (at === index && state === 'REPORTED');
        const when = index <= at ? reached(state) : null;
        return (
          <li key={state} class={passed ? 'passed' : at === index ? 'now' : ''} aria-current={at === index ? 'step' : undefined}>
            <span class="progress-mark">{passed && <Icon name="check" size={12} />}</span>
            <span class="progress-label">{stateLabel(state)}</span>
            <span class="progress-time dim">{when ? instant(when) : ''}</span>
          </li>
        );
      })}
    </ol>
  );
}
