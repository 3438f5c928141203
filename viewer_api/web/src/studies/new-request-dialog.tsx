import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { createRequest, giveCommand } from '../api/requests';
import type { Clinical, Priority, Site, StudyItem } from '../api/types';
import { named, t } from '../i18n';
import { modalities, personName } from '../i18n/format';
import { encounterLabel, priorityLabel } from '../i18n/labels';
import { navigate } from '../router';
import { Dialog } from '../ui/dialog';
import { troubleText } from '../ui/trouble';
import { readersFor } from './readers';

const ENCOUNTERS = ['OUTPATIENT', 'INPATIENT', 'EMERGENCY', 'CHECKUP'];
const PRIORITIES: Priority[] = ['ROUTINE', 'URGENT', 'EMERGENCY'];

/** One screen, prefilled from the study: a read request opened by hand. */
export function NewRequestDialog({ study, onClose }: { study: StudyItem; onClose: () => void }): JSX.Element {
  const [readers, setReaders] = useState<Site[]>([]);
  const [reader, setReader] = useState('');
  const [priority, setPriority] = useState<Priority>('ROUTINE');
  const [clinical, setClinical] = useState<Clinical>({ history: '', purpose: '', diagnosis: '', encounter_class: 'OUTPATIENT', phone: '' });
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    readersFor(study.site).then(
      (found) => {
        setReaders(found);
        setReader((typed) => typed || (found[0]?.site ?? ''));
      },
      () => undefined,
    );
  }, [study.site]);
  const change = (part: Partial<Clinical>): void => setClinical({ ...clinical, ...part });

  async function create(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setTrouble(null);
    try {
      const request = await createRequest({ site: study.site, study_instance_uid: study.study_instance_uid, reader_site: reader.trim(), service: 'READ', priority, clinical });
      await giveCommand(request.id, 'submit').catch(() => undefined);
      navigate(`/requests/${request.id}`);
    } catch (error) {
      setTrouble(troubleText(error));
      setBusy(false);
    }
  }

  return (
    <Dialog title={t('studies.create')} testid="dialog-new-request" onClose={onClose}>
      <form onSubmit={create}>
        <p>
          <strong>{personName(study.patient.name)}</strong> {study.patient.patient_id} · {modalities(study.modalities)} {study.description}
        </p>
        <label class="field">
          <span class="field-label">
            {t('clinical.reader')}
            <span class="required"> *</span>
          </span>
          <input data-testid="new-reader" list="known-readers" required value={reader} placeholder={t('studies.reader_hint')} onInput={(event) => setReader(event.currentTarget.value)} />
          <datalist id="known-readers">
            {readers.map((one) => (
              <option key={one.site} value={one.site}>
                {named(one.name, one.name_zh)}
              </option>
            ))}
          </datalist>
          <span class="dim small">{readerName(readers, reader)}</span>
        </label>
        <div class="field-row">
          <label class="field">
            <span class="field-label">{t('list.priority')}</span>
            <select data-testid="new-priority" value={priority} onChange={(event) => setPriority(event.currentTarget.value as Priority)}>
              {PRIORITIES.map((one) => (
                <option key={one} value={one}>
                  {priorityLabel(one)}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span class="field-label">{t('clinical.encounter_class')}</span>
            <select data-testid="new-encounter" value={clinical.encounter_class ?? ''} onChange={(event) => change({ encounter_class: event.currentTarget.value })}>
              {ENCOUNTERS.map((one) => (
                <option key={one} value={one}>
                  {encounterLabel(one)}
                </option>
              ))}
            </select>
          </label>
        </div>
        {(['history', 'diagnosis', 'purpose'] as const).map((field) => (
          <label key={field} class="field">
            <span class="field-label">{t(`clinical.${field}`)}</span>
            <textarea data-testid={`new-${field}`} rows={2} value={clinical[field] ?? ''} onInput={(event) => change({ [field]: event.currentTarget.value })} />
          </label>
        ))}
        <label class="field">
          <span class="field-label">{t('clinical.phone')}</span>
          <input data-testid="new-phone" type="tel" value={clinical.phone ?? ''} onInput={(event) => change({ phone: event.currentTarget.value })} />
        </label>
        <p class="form-error" role="alert" data-testid="new-error">
          {trouble}
        </p>
        <div class="actions">
          <button type="button" onClick={onClose} data-testid="new-back">
            {t('do.back')}
          </button>
          <button type="submit" class="primary" data-testid="new-submit" disabled={busy || !reader.trim()}>
            {t('command.submit')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function readerName(readers: Site[], code: string): string {
  const found = readers.find((one) => one.site === code.trim());
  return found ? named(found.name, found.name_zh) : '';
}
