import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { adoptDevice, getLinks, type Refusal } from '../api/links';
import type { Site } from '../api/types';
import { named, t } from '../i18n';
import { Dialog } from '../ui/dialog';
import { notify } from '../ui/notice';
import { troubleText } from '../ui/trouble';

const CHARSETS = ['', 'GB18030', 'ISO_IR 192', 'GBK', 'ISO_IR 100'];

/** One step: the caller becomes a node of a hospital, from the address it called from. */
export function AdoptDialog({ refusal, onClose }: { refusal: Refusal; onClose: () => void }): JSX.Element {
  const [sites, setSites] = useState<Site[]>([]);
  const [site, setSite] = useState('');
  const [port, setPort] = useState('104');
  const [charset, setCharset] = useState('GB18030');
  const [issuer, setIssuer] = useState('');
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    getLinks().then(
      (board) => {
        setSites(board.sites);
        if (board.sites.length === 1) setSite(board.sites[0]?.site ?? '');
      },
      (error: unknown) => setTrouble(troubleText(error)),
    );
  }, []);

  async function adopt(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      const node = await adoptDevice(refusal, { site, port: Number(port), charset, issuer: issuer.trim() });
      notify(t('adopt.done', { title: node.ae_title }));
      onClose();
    } catch (error) {
      setTrouble(troubleText(error));
      setBusy(false);
    }
  }

  return (
    <Dialog title={t('adopt.title')} testid="dialog-adopt" onClose={onClose}>
      <form onSubmit={adopt}>
        <p>
          <code>{refusal.calling_ae_title}</code> · {refusal.address}
        </p>
        <p class="dim small">{t('adopt.means')}</p>
        <label class="field">
          <span class="field-label">{t('links.hospital')}</span>
          <select data-testid="adopt-site" required value={site} onChange={(event) => setSite(event.currentTarget.value)}>
            <option value="">{t('reason.choose')}</option>
            {sites.map((one) => (
              <option key={one.site} value={one.site}>
                {named(one.name, one.name_zh)} ({one.site})
              </option>
            ))}
          </select>
        </label>
        <div class="field-row">
          <label class="field">
            <span class="field-label">{t('adopt.charset')}</span>
            <select data-testid="adopt-charset" value={charset} onChange={(event) => setCharset(event.currentTarget.value)}>
              {CHARSETS.map((one) => (
                <option key={one} value={one}>
                  {one || t('adopt.charset_none')}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span class="field-label">{t('adopt.port')}</span>
            <input type="number" min="1" max="65535" required data-testid="adopt-port" value={port} onInput={(event) => setPort(event.currentTarget.value)} />
          </label>
        </div>
        <label class="field">
          <span class="field-label">{t('adopt.issuer')}</span>
          <input data-testid="adopt-issuer" maxLength={64} value={issuer} onInput={(event) => setIssuer(event.currentTarget.value)} />
        </label>
        {trouble && (
          <p class="form-error" role="alert">
            {trouble}
          </p>
        )}
        <div class="actions">
          <button type="submit" class="primary" data-testid="adopt-confirm" disabled={busy}>
            {t('adopt.confirm')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
