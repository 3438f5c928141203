import type { JSX } from 'preact';
import type { RequestRow } from '../api/types';
import { t } from '../i18n';
import { dicomAge, dicomDate, dicomTime, modalities, personNames } from '../i18n/format';
import { sexLabel } from '../i18n/labels';
import { ImageCountLine } from '../ui/image-count';

export type Identity = Pick<RequestRow, 'patient' | 'study'>;

/** Whose images these are: always in sight, checked before writing and before signing. */
export function IdentityStrip({ request }: { request: Identity }): JSX.Element {
  const { patient, study } = request;
  const [first, ...rest] = personNames(patient.name);
  return (
    <div class="identity" data-testid="identity">
      <strong class="identity-name">{first}</strong>
      {rest.map((one) => (
        <span key={one} class="identity-script">
          {one}
        </span>
      ))}
      <span>{[sexLabel(patient.sex), dicomAge(patient.age)].filter(Boolean).join(' ')}</span>
      {patient.birth_date && <span class="wide-only">{dicomDate(patient.birth_date)}</span>}
      <span title={t('patient.id')}>
        <span class="dim">ID </span>
        {patient.patient_id}
      </span>
      {study.accession_number && (
        <span title={t('patient.accession')} class="wide-only">
          <span class="dim">{t('patient.accession_short')} </span>
          {study.accession_number}
        </span>
      )}
      <span>
        {modalities(study.modalities)} {dicomDate(study.study_date)} <span class="wide-only">{dicomTime(study.study_time)}</span>
      </span>
      <ImageCountLine count={study.completeness} />
    </div>
  );
}
