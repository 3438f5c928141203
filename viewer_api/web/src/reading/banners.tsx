import type { JSX } from 'preact';
import { named, t } from '../i18n';
import { hourMinute } from '../i18n/format';
import { ReasonWords } from '../report/reason-words';
import { notify } from '../ui/notice';
import { troubleText } from '../ui/trouble';
import { useNow } from '../ui/use';
import type { Case } from './case';
import type { OpenDialog } from './dialogs';

const WARN_MS = 3 * 60_000;

/** What the reader must know before going on; each names what to do. */
export function Banners({ file, onDialog }: { file: Case; onDialog: (dialog: OpenDialog) => void }): JSX.Element {
  return (
    <div class="banners">
      <HeldByOther file={file} />
      <LeaseEnding file={file} />
      <LateImages file={file} />
      <CancelAsked file={file} onDialog={onDialog} />
      <SentBack file={file} />
      <CannotFinish file={file} />
    </div>
  );
}

function HeldByOther({ file }: { file: Case }): JSX.Element | null {
  const holder = file.request.value.holder;
  if (!holder || holder.mine) return null;
  return (
    <p class="banner" data-testid="held-by">
      {t('held.by', { name: named(holder.name, holder.name_zh), since: hourMinute(holder.since), until: hourMinute(holder.lease_until) })}
    </p>
  );
}

function LeaseEnding({ file }: { file: Case }): JSX.Element | null {
  const now = useNow(1000);
  const until = file.held.current.value?.lease_until;
  if (!until || !file.draft.value) return null;
  const left_ms = Date.parse(until) - now;
  if (left_ms > WARN_MS) return null;
  const left_s = Math.max(0, Math.round(left_ms / 1000));
  return (
    <p class="banner amber" role="alert" data-testid="lease-ending">
      <span>{t('held.ending', { left: `${Math.floor(left_s / 60)}:${String(left_s % 60).padStart(2, '0')}` })}</span>
      <button type="button" data-testid="lease-extend" onClick={() => void file.held.beat()}>
        {t('held.extend')}
      </button>
    </p>
  );
}

function LateImages({ file }: { file: Case }): JSX.Element | null {
  const request = file.request.value;
  if (request.new_images <= 0) return null;
  const mine = file.allowed.includes('acknowledge-images') && file.held.current.value !== null;
  return (
    <p class="banner amber" role="alert" data-testid="late-images">
      <span>{t('late.came', { n: request.new_images })}</span>
      {mine && (
        <button
          type="button"
          data-testid="acknowledge-images"
          onClick={() =>
            void file.give('acknowledge-images').then(
              () => file.viewer.refresh(),
              (error: unknown) => notify(troubleText(error) ?? '', 'bad'),
            )
          }
        >
          {t('late.seen')}
        </button>
      )}
    </p>
  );
}

function CancelAsked({ file, onDialog }: { file: Case; onDialog: (dialog: OpenDialog) => void }): JSX.Element | null {
  const request = file.request.value;
  if (!request.cancel_requested) return null;
  const asked = [...request.events].reverse().find((one) => one.command === 'request-cancel');
  return (
    <div class="banner red" role="alert" data-testid="cancel-asked">
      <p>
        {t('cancel.asked')} {asked && <ReasonWords event={asked} />}
      </p>
      <div class="actions">
        {file.allowed.includes('refuse-cancel') && (
          <button type="button" data-testid="refuse-cancel" onClick={() => onDialog('refuse-cancel')}>
            {t('command.refuse-cancel')}
          </button>
        )}
        {file.allowed.includes('accept-cancel') && (
          <button type="button" data-testid="accept-cancel" onClick={() => void file.giveAndEnd('accept-cancel', {}).catch((error: unknown) => notify(troubleText(error) ?? '', 'bad'))}>
            {t('cancel.accept')}
          </button>
        )}
      </div>
    </div>
  );
}

/** Somebody who may write but not end this case: said before much is written. */
function CannotFinish({ file }: { file: Case }): JSX.Element | null {
  const { allowed } = file;
  if (!file.draft.value || file.held.lost.value || file.request.value.cancel_requested) return null;
  if (!file.request.value.holder?.mine || allowed.includes('sign') || allowed.includes('submit-report')) return null;
  return (
    <p class="banner amber" data-testid="cannot-finish">
      {t('held.cannot_finish')}
    </p>
  );
}

/** A rejected report tells its author why; a returned request tells its requester. */
function SentBack({ file }: { file: Case }): JSX.Element | null {
  const request = file.request.value;
  const wanted = request.state === 'RETURNED' ? 'return' : request.rework ? 'reject' : null;
  const event = wanted && [...request.events].reverse().find((one) => one.command === wanted);
  if (!event) return null;
  return (
    <p class="banner amber" data-testid="sent-back">
      {t(wanted === 'reject' ? 'sent_back.rejected' : 'sent_back.returned', { name: named(event.actor_name, event.actor_name_zh) })} <ReasonWords event={event} />
    </p>
  );
}
