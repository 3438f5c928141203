import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { declareImages } from '../api/studies';
import type { StudyItem } from '../api/types';
import { t } from '../i18n';
import { modalities, personName } from '../i18n/format';
import { Dialog } from '../ui/dialog';
import { CountEvidence } from '../ui/image-count';
import { troubleText } from '../ui/trouble';

/** The sending hospital says how many images a study has, so that a missing one is noticed. */
export function DeclareDialog({ study, onClose }: { study: StudyItem; onClose: () => void }): JSX.Element {
  const declared = study.completeness.evidence.find((one) => one.source === 'DECLARED')?.instances ?? null;
  const [typed, setTyped] = useState(String(declared ?? ''));
  const [trouble, setTrouble] = useState<string | null>(null);
  async function give(instances: number | null): Promise<void> {
    try {
      await declareImages(study, instances);
      onClose();
    } catch (error) {
      setTrouble(troubleText(error));
    }
  }
  return (
    <Dialog title={t('declare.title')} testid="dialog-declare" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void give(Number(typed));
        }}
      >
        <p>
          <strong>{personName(study.patient.name)}</strong> {study.patient.patient_id} · {modalities(study.modalities)} {study.description}
        </p>
        <CountEvidence count={study.completeness} />
        <label class="field">
          <span class="field-label">{t('declare.number')}</span>
          <input type="number" min="1" max="1000000" required autofocus data-testid="declare-number" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
        <p class="dim small">{t('declare.means')}</p>
        {trouble && (
          <p class="form-error" role="alert">
            {trouble}
          </p>
        )}
        <div class="actions">
          {declared !== null && (
            <button type="button" data-testid="declare-forget" onClick={() => void give(null)}>
              {t('declare.forget')}
            </button>
          )}
          <button type="submit" class="primary" data-testid="declare-give">
            {t('declare.give')}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
