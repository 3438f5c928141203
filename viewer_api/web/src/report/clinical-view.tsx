import type { JSX } from 'preact';
import type { RequestDetail } from '../api/types';
import { named, t } from '../i18n';
import { instant } from '../i18n/format';
import { encounterLabel, priorityLabel } from '../i18n/labels';

/** What the requester wrote. */
export function ClinicalView({ request }: { request: RequestDetail }): JSX.Element {
  const { clinical } = request;
  const lines: [string, string | null][] = [
    [t('clinical.requester'), named(request.requester.name, request.requester.name_zh)],
    [t('clinical.reader'), named(request.reader.name, request.reader.name_zh)],
    [t('list.priority'), `${priorityLabel(request.priority)}${request.due_at ? ` · ${t('clinical.due', { at: instant(request.due_at) })}` : ''}`],
    [t('clinical.encounter_class'), clinical.encounter_class && encounterLabel(clinical.encounter_class)],
    [t('clinical.history'), clinical.history],
    [t('clinical.diagnosis'), clinical.diagnosis],
    [t('clinical.purpose'), clinical.purpose],
    [t('clinical.phone'), clinical.phone],
  ];
  return (
    <dl class="facts" data-testid="clinical">
      {lines
        .filter(([, value]) => value)
        .map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
