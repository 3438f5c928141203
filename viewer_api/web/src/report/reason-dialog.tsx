import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { listReasons } from '../api/requests';
import type { Command, Reason } from '../api/types';
import { language, t } from '../i18n';
import { Dialog } from '../ui/dialog';
import { troubleText } from '../ui/trouble';

export type ReasonedCommand = Extract<Command, 'reject' | 'return' | 'release' | 'cancel' | 'request-cancel' | 'refuse-cancel' | 'takeover'>;

interface ReasonDialogProps {
  command: ReasonedCommand;
  /** Without a draft a release needs no reason. */
  optional?: boolean;
  onGive: (reason: { reason_code?: string; reason_text?: string }) => Promise<void>;
  onClose: () => void;
}

/** A coded reason from the catalogue and words of one's own, for commands that need one. */
export function ReasonDialog({ command, optional = false, onGive, onClose }: ReasonDialogProps): JSX.Element {
  const [reasons, setReasons] = useState<Reason[] | null>(null);
  const [code, setCode] = useState('');
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    listReasons().then(
      (all) => setReasons(all.filter((one) => one.commands.includes(command))),
      (error: unknown) => setTrouble(troubleText(error)),
    );
  }, [command]);
  const select = useRef<HTMLSelectElement>(null);
  useEffect(() => select.current?.focus(), [reasons]);
  const chosen = reasons?.find((one) => one.code === code);
  const textNeeded = command === 'reject' || chosen?.text_required === true || (reasons?.length === 0 && !optional);
  const ready = (optional || code !== '' || reasons?.length === 0) && (!textNeeded || text.trim() !== '');

  async function give(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setTrouble(null);
    try {
      await onGive({ ...(code ? { reason_code: code } : {}), ...(text.trim() ? { reason_text: text.trim() } : {}) });
    } catch (error) {
      setTrouble(troubleText(error));
      setBusy(false);
    }
  }

  return (
    <Dialog title={t(`command.${command}`)} testid={`dialog-${command}`} onClose={onClose}>
      <form onSubmit={give}>
        <p>{t(`command.${command}_means`)}</p>
        {reasons && reasons.length > 0 && (
          <label class="field">
            <span class="field-label">
              {t('reason.code')}
              {!optional && <span class="required"> *</span>}
            </span>
            <select data-testid="reason-code" ref={select} value={code} required={!optional} onChange={(event) => setCode(event.currentTarget.value)}>
              <option value="">{t('reason.choose')}</option>
              {reasons.map((one) => (
                <option key={one.code} value={one.code}>
                  {language.value === 'zh-CN' ? one.meaning_zh : one.meaning}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="field">
          <span class="field-label">
            {t('reason.text')}
            {textNeeded && <span class="required"> *</span>}
          </span>
          <textarea data-testid="reason-text" rows={3} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <p class="form-error" role="alert">
          {trouble}
        </p>
        <div class="actions">
          <button type="button" data-testid="reason-back" onClick={onClose}>
            {t('do.back')}
          </button>
          <button type="submit" class="primary" data-testid="reason-give" disabled={!ready || busy}>
            {t(`command.${command}`)}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
