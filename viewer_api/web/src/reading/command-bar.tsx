import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Command } from '../api/types';
import { t } from '../i18n';
import { notify } from '../ui/notice';
import { troubleText } from '../ui/trouble';
import type { Case } from './case';
import type { OpenDialog } from './dialogs';

/** Only what the server allows this user now; the command that goes on is the prominent one. */
const WITH_REASON = ['release', 'return', 'reject', 'cancel', 'request-cancel', 'takeover'] as const;
const NEEDS_DRAFT: Command[] = ['release', 'reject'];

export function CommandBar({ file, onDialog }: { file: Case; onDialog: (dialog: OpenDialog) => void }): JSX.Element | null {
  const [busy, setBusy] = useState(false);
  const allowed = file.allowed;
  const writing = file.draft.value !== null;
  const run = async (work: () => Promise<void>): Promise<void> => {
    setBusy(true);
    try {
      await work();
    } catch (error) {
      notify(troubleText(error) ?? '', 'bad');
    } finally {
      setBusy(false);
    }
  };
  const finish = (dialog: 'sign' | 'submit-report'): void => {
    if (file.writing.isComplete()) onDialog(dialog);
  };
  const shown = WITH_REASON.filter((one) => allowed.includes(one) && (writing ? one !== 'takeover' : !NEEDS_DRAFT.includes(one)));
  const canClaim = allowed.includes('claim') && !writing;
  if (shown.length === 0 && !canClaim && !writing && !allowed.includes('submit')) return null;
  return (
    <div class="command-bar" data-testid="command-bar">
      {shown.map((command) => (
        <button key={command} type="button" data-testid={`command-${command}`} disabled={busy} onClick={() => onDialog(command)}>
          {t(`command.${command}`)}
        </button>
      ))}
      {allowed.includes('submit') && (
        <button type="button" class="primary" data-testid="command-submit" disabled={busy} onClick={() => void run(() => file.give('submit'))}>
          {t('command.submit')}
        </button>
      )}
      {canClaim && (
        <button type="button" class="primary" data-testid="command-claim" disabled={busy} onClick={() => void run(() => file.claim())}>
          {t(file.request.value.stage === 'REVIEW' ? 'claim.review' : 'claim.read')}
        </button>
      )}
      {writing && allowed.includes('submit-report') && (
        <button type="button" class={allowed.includes('sign') ? '' : 'primary'} data-testid="command-submit-report" disabled={busy} title="Ctrl+Enter" onClick={() => finish('submit-report')}>
          {t('command.submit-report')}
        </button>
      )}
      {writing && allowed.includes('sign') && (
        <button type="button" class="primary" data-testid="command-sign" disabled={busy} title="Ctrl+Enter" onClick={() => finish('sign')}>
          {t('command.sign')}
        </button>
      )}
    </div>
  );
}
